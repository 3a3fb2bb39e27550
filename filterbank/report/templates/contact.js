"use strict";
(() => {
  const at = id => document.getElementById(id);
  const main = at("images"), find = at("find"), page = at("page"), reading = at("reading");
  const SIZE = {{ pages[0]|length or 1 }};
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

  // The value of a pixel: codes through a canvas, where the browser lets a page read its pictures.
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let drawn = null, place = null;
  const spell = value => Number(value.toPrecision(4)).toString().replace("-", "\u2212");
  function tell(text) { reading.textContent = text; reading.hidden = false; }
  function read(img, x, y) {
    const map = img.closest("li[data-filter]");
    if (!map || !img.naturalWidth) return;
    const name = map.dataset.filter, top = Number(map.dataset.top);
    if (!top) return tell(name + ": a preview; the file has the exact values");
    if (map.dataset.step === "") return tell(name + ": encoded along the sRGB curve; filterbank decode reads it");
    x = Math.min(Math.max(Math.floor(x), 0), img.naturalWidth - 1);
    y = Math.min(Math.max(Math.floor(y), 0), img.naturalHeight - 1);
    place = { img, x, y };
    const value = code => Number(map.dataset.at) + Number(map.dataset.step) * code;
    try {
      if (drawn !== img) {
        canvas.width = img.naturalWidth;
        canvas.height = img.naturalHeight;
        context.drawImage(img, 0, 0);
        drawn = img;
      }
      const rgb = [...context.getImageData(x, y, 1, 1).data].slice(0, 3);
      const codes = rgb.every(code => code === rgb[0]) ? rgb.slice(0, 1) : rgb;
      // A canvas has 8 bits, whatever the file has.
      const values = codes.map(code => spell(value(code * top / 255)));
      const about = top > 255 ? "about " : "";
      tell(`${name} at row ${y}, column ${x}: ${about}${values.join(", ")} (code ${codes.join(", ")} of 255)`);
    } catch (error) {
      drawn = null;
      tell(`${name} at row ${y}, column ${x}: a code c means ${spell(value(0))} + c \u00b7 ${spell(value(1) - value(0))}, `
        + `c from 0 to ${top}. This browser lets no page read pictures from a disk; behind a web server it does.`);
    }
  }
  main.addEventListener("pointermove", event => {
    const img = event.target;
    if (!(img instanceof HTMLImageElement) || !img.naturalWidth) return;
    const box = img.getBoundingClientRect();
    const scale = Math.min(box.width / img.naturalWidth, box.height / img.naturalHeight);
    const left = (box.width - scale * img.naturalWidth) / 2, above = (box.height - scale * img.naturalHeight) / 2;
    read(img, (event.clientX - box.left - left) / scale, (event.clientY - box.top - above) / scale);
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
    if (event.ctrlKey || event.altKey || event.metaKey) return;
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
      if (!img) return;
      const now = place && place.img === img ? place : { x: img.naturalWidth >> 1, y: img.naturalHeight >> 1 };
      read(img, now.x + step[0], now.y + step[1]);
    } else if (link && step) walk(link, step);
    else return;
    event.preventDefault();
  });
  show(1);
})();
