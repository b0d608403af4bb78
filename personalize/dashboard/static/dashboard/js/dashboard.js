// The frame's manners: colours, search, menus, drawer, dialogs, rows that open, toasts. Everything works without it but these.

const root = document.documentElement;
const typing = (element) => element.closest("input, textarea, select, [contenteditable]");

const openDialog = (dialog) => {
  if (dialog && !dialog.open) dialog.showModal();
};

const setTheme = (theme) => {
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  document.cookie = `theme=${theme}; path=/; max-age=${theme ? 31536000 : 0}; samesite=lax`;
  for (const button of document.querySelectorAll("[data-theme-set]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeSet === theme));
  }
};

const showNav = (shown) => {
  document.body.classList.toggle("nav-shown", shown);
  document.querySelector("[data-nav-open]")?.setAttribute("aria-expanded", String(shown));
  if (shown) document.querySelector(".nav a")?.focus();
};

const closeMenus = (except) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
};

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  closeMenus(at("details.menu"));
  if (at("[data-theme-set]")) setTheme(at("[data-theme-set]").dataset.themeSet);
  if (at("[data-nav-open]")) showNav(true);
  if (at("[data-nav-close]")) showNav(false);
  if (at("[data-palette-open]") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    openDialog(document.getElementById("palette"));
  }
  if (at("[data-dialog]")) openDialog(document.getElementById(at("[data-dialog]").dataset.dialog));
  if (at("[data-close]")) {
    at("dialog")?.close();
    at("[data-toast]")?.remove();
  }
  if (event.target.matches("dialog")) event.target.close();
  openRow(event);
});

// The whole row opens what its name links to, unless one means something else in it or selects text.
const openRow = (event) => {
  if (event.target.closest("a, button, input, label, select, summary, .check")) return;
  const link = event.target.closest("tbody tr")?.querySelector("a.row-link");
  if (!link || String(getSelection())) return;
  if (event.ctrlKey || event.metaKey) window.open(link.href);
  else link.click();
};

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !typing(event.target) && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    openDialog(document.getElementById("palette"));
  }
  if (event.key === "Escape") {
    closeMenus();
    showNav(false);
  }
  if (["ArrowDown", "ArrowUp"].includes(event.key)) walkHits(event);
});

const walkHits = (event) => {
  const palette = event.target.closest(".palette, .menu");
  if (!palette) return;
  const stops = [...palette.querySelectorAll("input[type=search], .hits a, .menu-list :is(a, button)")];
  const next = stops[stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
};

// A form that sends at once when something in it is chosen.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// Selecting rows: the head ticks all of the page, the bar says how many, and without any row "all" makes no sense.
const tellSelected = (list) => {
  const boxes = [...list.querySelectorAll("td.check input")];
  const ticked = boxes.filter((box) => box.checked).length;
  const head = list.querySelector("th.check input");
  const all = list.querySelector(".bulk-all input");
  if (all && !ticked) all.checked = false;
  if (head) {
    head.checked = ticked > 0 && ticked === boxes.length;
    head.indeterminate = ticked > 0 && ticked < boxes.length;
  }
  const told = list.querySelector("[data-selected]");
  if (told) told.textContent = told.dataset.selected.replace("#", ticked);
};
document.addEventListener("change", (event) => {
  const list = event.target.closest("#list");
  if (!list || !event.target.closest(".check, .bulk-all")) return;
  if (event.target.matches("th.check input")) {
    for (const box of list.querySelectorAll("td.check input")) box.checked = event.target.checked;
  }
  tellSelected(list);
});
document.addEventListener("reset", (event) => {
  if (event.target.id === "bulk") setTimeout(() => tellSelected(event.target.closest("#list")));
});

// A button cannot be pressed twice: it stays, busy, until the next page. After a download there is none.
document.addEventListener("submit", (event) => {
  const leaves = event.target.method === "post" && !event.target.matches("[data-downloads]");
  if (event.submitter?.matches(".button") && leaves) event.submitter.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-busy=true]")) button.removeAttribute("aria-busy");
});

const dismissLater = (toast) => {
  if (toast.hasAttribute("data-stays")) return;
  let timer = setTimeout(() => toast.remove(), 8000);
  const hold = () => clearTimeout(timer);
  const go = () => (timer = setTimeout(() => toast.remove(), 8000));
  for (const name of ["mouseenter", "focusin"]) toast.addEventListener(name, hold);
  for (const name of ["mouseleave", "focusout"]) toast.addEventListener(name, go);
};
document.querySelectorAll("[data-toast]").forEach(dismissLater);

let underWay = 0;
document.addEventListener("htmx:beforeRequest", (event) => {
  underWay += 1;
  root.classList.add("is-busy");
  event.detail.target?.classList.add("is-loading");
});
document.addEventListener("htmx:afterRequest", (event) => {
  underWay -= 1;
  if (!underWay) root.classList.remove("is-busy");
  event.detail.target?.classList.remove("is-loading");
});

// A form that saves as one goes: what was typed or chosen while a save was under way is newer than the answer, so it is put
// back into it and saved in its turn, at once or when one leaves the field.
let newer = new Map();
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { elt, formData } = detail.requestConfig;
  newer = new Map();
  if (!elt.matches("form[data-saves]")) return;
  const now = new FormData(elt);
  for (const name of new Set([...now.keys(), ...formData.keys()])) {
    if (now.getAll(name).join("\n") !== formData.getAll(name).join("\n")) newer.set(name, now.getAll(name));
  }
});
document.addEventListener("htmx:afterSettle", () => {
  const form = document.querySelector("form[data-saves]");
  if (!form || !newer.size) return;
  const fields = [...form.elements].filter((one) => newer.has(one.name));
  for (const field of fields) {
    if (["checkbox", "radio"].includes(field.type)) field.checked = newer.get(field.name).includes(field.value);
    else field.value = newer.get(field.name)[0];
  }
  newer = new Map();
  const save = () => form.dispatchEvent(new Event("change", { bubbles: true }));
  const here = fields.find((one) => one === document.activeElement);
  if (here) here.addEventListener("blur", save, { once: true });
  else save();
});
