"""Every family, declared once: reader, commands, JSON Schema and documentation follow from these lines."""

from __future__ import annotations

from filterbank.bankfile.families.family import MAX_SIZE, Family
from filterbank.bankfile.families.parameters import (
    ANY_SIZE,
    CUT,
    CUT_4,
    DC,
    DEGREES,
    DRAWN,
    EXACT,
    FREQUENCY,
    GRID,
    LAMBDA,
    LARGEST_BASIS,
    MAX_SIGMA,
    ODD_SIZE,
    ORIENTATION,
    PART,
    SCALED_SIZE,
    SIGMA,
    SIGMA_4,
    SIZE,
    SLOPE,
    count,
    part,
)
from filterbank.bankfile.keys import Key
from filterbank.bankfile.kinds import Choice, Integer, Number

_FAMILIES = (
    # --- smoothing and sharpening ---
    Family("identity", "classic", (), "1×1, passes the image on"),
    Family(
        "box",
        "classic",
        (SIZE,),
        "mean over a square: 1/F²",
    ),
    Family(
        "disc",
        "classic",
        (Key("radius", Number(low=0, high=(MAX_SIZE - 1) / 2), "pixels from the middle", required=True),),
        "mean over a disc: blur of a lens",
    ),
    Family("gaussian", "classic", (SIGMA, CUT), "sampled Gaussian, its weights summing to 1"),
    Family(
        "binomial",
        "classic",
        (SIZE,),
        "row of Pascal's triangle times itself, summing to 1",
    ),
    Family(
        "unsharp",
        "classic",
        (
            Key("amount", Number(low=0, high=1000), "how much is added", required=True),
            SIGMA,
            Key("size", ODD_SIZE, CUT.doc),
        ),
        "δ + amount·(δ − Gaussian): sharpens",
    ),
    Family(
        "motion",
        "classic",
        (
            Key("length", Number(above=0, high=MAX_SIZE), "pixels moved over", required=True),
            Key("angle", Number(), "degrees, counter-clockwise from the right", default=0),
        ),
        "blur of a straight move",
        "Sondhi, Proc. IEEE 60:842-853, 1972",
    ),
    # --- first derivatives ---
    Family(
        "sobel", "gradients", (SLOPE,), "[−1 0 1] smoothed by 1 2 1, in x and y", "Sobel and Feldman, 1968"
    ),
    Family(
        "prewitt",
        "gradients",
        (SLOPE,),
        "[−1 0 1] smoothed by 1 1 1, in x and y",
        "Prewitt, in Picture Processing and Psychopictorics, 1970",
    ),
    Family(
        "scharr",
        "gradients",
        (Key("variant", Choice(("3-10-3", "47-162-47")), "the smoothing weights", "3-10-3"), SLOPE),
        "[−1 0 1] smoothed by 3 10 3, in x and y",
        "Scharr, Optimal Operators in Digital Image Processing, Heidelberg, 2000",
    ),
    Family(
        "roberts",
        "gradients",
        (),
        "differences across the diagonals of 2×2",
        "Roberts, Machine perception of three-dimensional solids, MIT, 1963",
    ),
    Family(
        "farid",
        "gradients",
        (),
        "5 taps designed together, in x and y",
        "Farid and Simoncelli, IEEE Trans. Image Processing 13:496-508, 2004",
    ),
    # --- compass ---
    Family(
        "kirsch",
        "compass",
        (),
        "5 against −3 in eight directions",
        "Kirsch, Computers and Biomedical Research 4:315-328, 1971",
    ),
    Family(
        "robinson",
        "compass",
        (),
        "1 2 1 against −1 −2 −1 in eight directions",
        "Robinson, Computer Graphics and Image Processing 6:492-501, 1977",
    ),
    Family(
        "prewitt_compass",
        "compass",
        (),
        "1 against −1 and −2 in eight directions",
        "Prewitt, in Picture Processing and Psychopictorics, 1970",
    ),
    # --- derivatives of Gaussians ---
    Family(
        "gaussian_derivative",
        "derivatives",
        (
            SIGMA_4,
            Key("x", Integer(0, 4), "order along the rows", 1),
            Key("y", Integer(0, 4), "order down the columns", 0),
            CUT_4,
            EXACT,
        ),
        "one derivative of a Gaussian",
        "Koenderink and van Doorn, Biological Cybernetics 55:367-375, 1987",
    ),
    Family(
        "jet",
        "derivatives",
        (
            SIGMA_4,
            Key("order", Integer(0, 4), "the highest order", 2),
            CUT_4,
            EXACT,
        ),
        "all derivatives of a Gaussian up to an order",
        "Koenderink and van Doorn, Biological Cybernetics 55:367-375, 1987",
    ),
    Family(
        "log",
        "derivatives",
        (SIGMA_4, CUT_4),
        "Laplacian of a Gaussian, its mean taken off",
        "Marr and Hildreth, Proc. R. Soc. Lond. B 207:187-217, 1980",
    ),
    Family(
        "dog",
        "derivatives",
        (
            Key("sigma", Number(above=0, high=MAX_SIGMA), "the narrower one's, in pixels", required=True),
            Key("ratio", Number(above=1, high=100), "the wider sigma, in the narrower", 1.6),
            Key("size", ANY_SIZE, "rows and columns; without it 3 of the wider sigma to every side"),
        ),
        "difference of two Gaussians",
        "Marr and Hildreth, Proc. R. Soc. Lond. B 207:187-217, 1980",
    ),
    Family(
        "steerable",
        "steered",
        (
            Key("orientation", DEGREES, "degrees counter-clockwise from the right; the first of several", 0),
            count("orientations", 4),
            Key("part", PART, "even (G2), odd (H2), or both", "pair"),
            Key("size", Integer(3, 255, odd=True), "rows and columns", 9),
            Key("spacing", Number(above=0, high=2), "from tap to tap on the formulas' axis", 0.67),
            DC,
        ),
        "second derivative G2 and its Hilbert transform H2, steered",
        "Freeman and Adelson, PAMI 13:891-906, 1991",
    ),
    Family(
        "steerable_basis",
        "steered",
        (
            Key("size", Integer(3, 255, odd=True), "rows and columns", 9),
            Key("spacing", Number(above=0, high=2), "from tap to tap on the formulas' axis", 0.67),
            DC,
        ),
        "the seven filters that G2 and H2 are steered with",
        "Freeman and Adelson, PAMI 13:891-906, 1991",
    ),
    # --- waves ---
    Family(
        "gabor",
        "waves",
        (
            Key("wavelength", LAMBDA, "pixels from crest to crest", required=True),
            ORIENTATION,
            count("orientations", 1),
            Key("sigma", Number(above=0, high=MAX_SIGMA), "the Gaussian's along the wave, in pixels"),
            Key("bandwidth", Number(low=0.1, high=5), "octaves; 1 without it and sigma"),
            Key("aspect", Number(low=0.05, high=20), "sigma along the wave over that across it", 0.5),
            Key("phase", DEGREES, "degrees", 0),
            part("even"),
            DC,
            CUT,
        ),
        "a wave under a Gaussian",
        "Daugman, J. Opt. Soc. Am. A 2:1160-1169, 1985",
        "convolution",
    ),
    Family(
        "gabor_skimage",
        "waves",
        (
            Key("frequency", FREQUENCY, "cycles a pixel", required=True),
            Key("theta", DEGREES, "degrees from the right towards the bottom", 0),
            Key("bandwidth", Number(low=0.1, high=5), "octaves", 1),
            Key("sigma_x", Number(above=0, high=MAX_SIGMA), "along the wave, in pixels"),
            Key("sigma_y", Number(above=0, high=MAX_SIGMA), "across the wave, in pixels"),
            Key("n_stds", Number(low=1, high=20), "sigmas to every side", 3),
            Key("offset", DEGREES, "phase in degrees", 0),
            part("even"),
        ),
        "as scikit-image's gabor_kernel",
        "scikit-image, skimage.filters.gabor_kernel",
        "convolution",
    ),
    Family(
        "gabor_opencv",
        "waves",
        (
            Key(
                "size",
                Integer(1, MAX_SIZE - 1),
                "rows and columns; an even one gives one more",
                required=True,
            ),
            Key("sigma", Number(above=0, high=1000), "along the wave, in pixels", required=True),
            Key("lambd", LAMBDA, "wavelength in pixels", required=True),
            Key("theta", DEGREES, "degrees from the right towards the bottom", 0),
            Key("gamma", Number(low=0.01, high=100), "sigma along the wave over that across it", 1),
            Key("psi", DEGREES, "phase in degrees", 90),
        ),
        "as OpenCV's getGaborKernel",
        "OpenCV, cv::getGaborKernel",
    ),
    Family(
        "manjunath_ma",
        "wavelets",
        (
            Key("low", FREQUENCY, "the coarsest scale's cycles a pixel", 0.05),
            Key("high", FREQUENCY, "the finest scale's", 0.4),
            count("scales", 4, 16, 2),
            count("orientations", 6, least=2),
            part("pair"),
            DC,
            SCALED_SIZE,
        ),
        "Gabor wavelets whose spectra touch",
        "Manjunath and Ma, PAMI 18:837-842, 1996",
        "convolution",
    ),
    Family(
        "log_gabor",
        "wavelets",
        (
            Key("wavelength", LAMBDA, "the finest scale's, in pixels", 3),
            Key("factor", Number(above=1, high=10), "from scale to scale", 2),
            count("scales", 4, 16),
            count("orientations", 6),
            Key(
                "width", Number(low=0.1, high=0.95), "ratio of frequencies; 0.74 is an octave, 0.55 two", 0.65
            ),
            Key("overlap", Number(low=0.5, high=5), "distance of two directions over their sigma", 1.5),
            part("pair"),
            SCALED_SIZE,
        ),
        "Gaussians on the logarithm of frequency",
        "Field, J. Opt. Soc. Am. A 4:2379-2394, 1987",
        "convolution",
    ),
    Family(
        "morlet",
        "wavelets",
        (count("scales", 4, 8), count("orientations", 8), part("pair"), SCALED_SIZE),
        "the wavelets of scattering networks",
        "Bruna and Mallat, PAMI 35:1872-1886, 2013",
        "convolution",
    ),
    # --- texture ---
    Family(
        "leung_malik",
        "oxford",
        (Key("variant", Choice(("small", "large")), "sigma from 1, or from √2", "large"), GRID),
        "48 edges, bars and blobs",
        "Leung and Malik, Int. J. Computer Vision 43:29-44, 2001",
        "convolution",
    ),
    Family(
        "rfs",
        "oxford",
        (Key("variant", Choice(("rfs", "mr4")), "38 filters, or the 14 of the coarsest scale", "rfs"), GRID),
        "38 edges, bars and blobs: the filters of MR8",
        "Varma and Zisserman, Int. J. Computer Vision 62:61-81, 2005",
        "convolution",
    ),
    Family("schmid", "oxford", (GRID,), "13 rings that no turn changes", "Schmid, CVPR, 2001", "convolution"),
    Family(
        "laws",
        "texture",
        (
            Key("size", Integer(3, 5, odd=True), "5 taps (25 filters) or 3 (9 filters)", default=5),
            Key("normalize", Choice(("l2", "none")), "divide each vector by its length", default="l2"),
            Key("level", Choice(("kept", "dropped")), "whether the plain blur L5L5 is among them", "kept"),
        ),
        "Laws' texture filters: all pairs of 5 or 3 vectors",
        "Laws, Textured Image Segmentation, USC, 1980",
    ),
    # --- bases ---
    Family(
        "frei_chen",
        "bases",
        (),
        "orthonormal basis of 3×3",
        "Frei and Chen, IEEE Trans. Computers C-26:988-998, 1977",
    ),
    Family(
        "dct",
        "bases",
        (Key("size", Integer(1, LARGEST_BASIS), "rows and columns; its square is the number of filters", 8),),
        "discrete cosine transform of blocks",
        "Ahmed, Natarajan and Rao, IEEE Trans. Computers C-23:90-93, 1974",
    ),
    Family(
        "haar",
        "bases",
        (Key("size", Integer(1, MAX_SIZE // 3), "rows and columns of a rectangle", 4),),
        "differences of two, three and four rectangles",
        "Viola and Jones, CVPR, 2001",
    ),
    Family("random", "seeded", DRAWN, "normally distributed weights, seeded"),
    Family(
        "orthogonal",
        "seeded",
        DRAWN,
        "random filters at right angles to each other, seeded",
        "Saxe, McClelland and Ganguli, ICLR, 2014",
    ),
)

# kin -> the modules whose families are of it
KINS: dict[str, tuple[str, ...]] = {
    "Smoothing and sharpening": ("classic",),
    "First derivatives": ("gradients",),
    "Compass": ("compass",),
    "Derivatives of Gaussians": ("derivatives", "steered"),
    "Waves": ("waves", "wavelets"),
    "Texture": ("oxford", "texture"),
    "Bases and rectangles": ("bases",),
    "Drawn at random": ("seeded",),
}

FAMILIES: dict[str, Family] = {family.name: family for family in _FAMILIES}
