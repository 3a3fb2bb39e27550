"use strict";
(() => {
  const at = id => document.getElementById(id);
  const main = at("images"), find = at("find"), page = at("page"), reading = at("reading");
  const SIZE = {{ pages[0]|length or 1 }}, MOST = 12;
  // Pictures in a template are not loaded until its page is turned to.
  const every = [...main.children].flatMap(e => e.matches("template") ? [...e.content.children] : [e]);
  let found = every, current = 1;

  const pages = () => Math.max(1, Math.ceil(found.length / SIZE));
  function show(number) {
    current = Math.min(Math.max(number || 1, 1), pages());
    main.replaceChildren(...found.slice((current - 1) * SIZE, current * SIZE));
    page.value = current;
    page.max = pages();
    at("pages").textContent = pages();
    at("previous").disabled = current <= 1;
    at("next").disabled = current >= pages();
    reading.hidden = true;
  }
  function turn(number) {
    show(number);
    at("tools").scrollIntoView();
    main.focus({ preventScroll: true });
  }
  function search() {
    const text = find.value.trim().toLowerCase();
    found = every.filter(article => {
      const all = article.getAttribute("aria-label").toLowerCase().includes(text);
      const maps = [...article.querySelectorAll("li[data-filter]")];
      const some = maps.filter(e => all || e.dataset.filter.toLowerCase().includes(text));
      for (const map of maps) map.hidden = !some.includes(map);
      return all || some.length > 0;
    });
    at("found").textContent = found.length === 1 ? "1 image" : found.length + " images";
    show(1);
  }
  find.addEventListener("input", search);
  page.addEventListener("change", () => show(Number(page.value)));
  at("previous").addEventListener("click", () => turn(current - 1));
  at("next").addEventListener("click", () => turn(current + 1));
  at("tools").addEventListener("submit", event => event.preventDefault());

  // Codes come through a canvas, where the browser lets a page read its pictures; new each time, as one
  // picture that it does not let read spoils it for all.
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  function codesAt(img, x, y) {
    canvas.width = canvas.height = 1;
    try {
      context.drawImage(img, x, y, 1, 1, 0, 0, 1, 1);
      const rgb = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
      return rgb.every(code => code === rgb[0]) ? rgb.slice(0, 1) : rgb;
    } catch (error) {
      return null;
    }
  }
  const spell = value => Number(value.toPrecision(5)).toString().replace("-", "\u2212");
  const called = item => item.dataset.filter ?? "image";
  const clamp = (value, end) => Math.min(Math.max(value, 0), end - 1);
  const pixel = (item, name) => name.map(key => Number(item.dataset[key]));

  // Where a map's pixel looks in the image, as row and column: scale and offset of each.
  function placeOf(item, img) {
    if (item.dataset.place) return item.dataset.place.split(" ").map(Number);
    if (!item.dataset.filter) return [1, 0, 1, 0];
    const [height, width] = pixel(item.closest("article"), ["height", "width"]);
    const every = Number(item.dataset.every ?? 1);
    const [down, across] = [height / (img.naturalHeight * every), width / (img.naturalWidth * every)];
    return [down, (down - 1) / 2, across, (across - 1) / 2];
  }
  const picturesOf = item => [...item.closest("article").querySelectorAll("li:not([hidden]) img")]
    .filter(img => img.complete && img.naturalWidth);
  // The picture's own pixel that lies at a row and column of the image; null outside.
  function within(img, row, column) {
    const item = img.closest("li"), [down, top, across, left] = placeOf(item, img);
    const every = Number(item.dataset.every ?? 1);
    const y = Math.round((row - top) / down / every), x = Math.round((column - left) / across / every);
    return y < 0 || x < 0 || y >= img.naturalHeight || x >= img.naturalWidth ? null : { x, y };
  }
  function told(img, x, y, codesToo) {
    const { at: zero, step, near } = img.closest("li").dataset;
    if (step === undefined) return null;
    const codes = codesAt(img, x, y);
    if (!codes) return null;
    const values = codes.map(code => spell(Number(zero) + Number(step) * code)).join(", ");
    const which = codesToo ? ` (code ${codes.join(", ")} of 255)` : "";
    return (near === undefined ? "" : "about ") + values + which;
  }
  function why(item) {
    const { at: zero, step, top } = item.dataset;
    if (step === undefined) return item.dataset.filter
      ? "encoded along the sRGB curve; filterbank decode reads it" : "it has a colour profile, which the browser applies";
    const each = spell(Number(step) * 255 / Number(top));
    return `a code c means ${spell(Number(zero))} + c \u00b7 ${each}, c from 0 to ${top}. `
      + "This browser lets no page read pictures from a disk; behind a web server it does.";
  }

  let place = null;
  function unmark() { for (const mark of main.querySelectorAll(".mark")) mark.remove(); }
  function mark(img, x, y) {
    const box = img.getBoundingClientRect(), scale = fit(box, img), link = img.closest("a");
    const around = link.getBoundingClientRect(), cross = document.createElement("span");
    cross.className = "mark";
    cross.setAttribute("aria-hidden", "true");
    cross.style.left = box.left - around.left + scale.left + (x + .5) * scale.by + "px";
    cross.style.top = box.top - around.top + scale.above + (y + .5) * scale.by + "px";
    link.append(cross);
  }
  function fit(box, img) {
    const by = Math.min(box.width / img.naturalWidth, box.height / img.naturalHeight);
    return { by, left: (box.width - by * img.naturalWidth) / 2, above: (box.height - by * img.naturalHeight) / 2 };
  }
  function read(img, x, y) {
    const item = img.closest("li");
    x = clamp(Math.floor(x), img.naturalWidth);
    y = clamp(Math.floor(y), img.naturalHeight);
    place = { img, x, y };
    const every = Number(item.dataset.every ?? 1), [down, top, across, left] = placeOf(item, img);
    const row = y * every * down + top, column = x * every * across + left;
    const parts = [`${called(item)} at row ${y * every}, column ${x * every}: ${told(img, x, y, true) ?? why(item)}`];
    unmark();
    for (const other of picturesOf(item)) {
      const there = other === img ? { x, y } : within(other, row, column);
      if (!there) continue;
      mark(other, there.x, there.y);
      const isWanted = other !== img && (!item.dataset.filter || !other.closest("li").dataset.filter);
      const said = isWanted && parts.length <= MOST ? told(other, there.x, there.y, false) : null;
      if (said) parts.push(`${called(other.closest("li"))} ${said}`);
    }
    reading.textContent = parts.join(" \u00b7 ");
    reading.hidden = false;
  }
  main.addEventListener("pointermove", event => {
    const img = event.target;
    if (!(img instanceof HTMLImageElement) || !img.naturalWidth) return;
    const box = img.getBoundingClientRect(), { by, left, above } = fit(box, img);
    read(img, (event.clientX - box.left - left) / by, (event.clientY - box.top - above) / by);
  });

  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const links = article => [...article.querySelectorAll("li:not([hidden]) a")];
  function walk(link, [across, down]) {
    const article = link.closest("article"), own = links(article);
    let next = own[own.indexOf(link) + across];
    if (down) {
      const other = down > 0 ? article.nextElementSibling : article.previousElementSibling;
      const there = other ? links(other) : [];
      next = there[Math.min(own.indexOf(link), there.length - 1)];
    }
    if (next) next.focus();
  }
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey && !event.shiftKey) return;
    if (event.target.matches("input")) {
      if (event.key === "Escape" && event.target === find) { find.value = ""; search(); main.focus(); }
      return;
    }
    const link = event.target.closest("article a"), step = STEPS[event.key];
    if (event.key === "/") find.focus();
    else if (event.key === "n") turn(current + 1);
    else if (event.key === "p") turn(current - 1);
    else if (link && step && event.shiftKey) {
      const img = link.querySelector("img");
      if (!img || !img.naturalWidth) return;
      const now = place && place.img === img ? place : { x: img.naturalWidth >> 1, y: img.naturalHeight >> 1 };
      const far = event.altKey ? 10 : 1;
      read(img, now.x + far * step[0], now.y + far * step[1]);
    } else if (link && step) walk(link, step);
    else return;
    event.preventDefault();
  });
  show(1);
})();
