// The rule builder's manners: one popover for all questions, arrow keys in its lists, focus that stays where one works,
// rows that move by Alt with an arrow key or by dragging. What a rule is and becomes, the server says.

const popover = document.createElement("div");
popover.id = "rule-ask";
popover.popover = "auto";
popover.setAttribute("role", "dialog");
popover.setAttribute("aria-labelledby", "rule-ask-title");
document.body.append(popover);

let invoker = "";
const widgets = "[data-rules]";
const shown = () => popover.matches(":popover-open");
const visible = (element) => !element.hidden;
const options = () => [...popover.querySelectorAll("[role=option]")].filter(visible);
const fields = () => [...popover.querySelectorAll("input:not([type=hidden]), select, button:not([role=option])")];

// --- the popover ---------------------------------------------------------------------------------------------------------

const place = () => {
  const from = document.getElementById(invoker)?.getBoundingClientRect();
  if (!from) return;
  const width = Math.min(320, innerWidth - 16);
  popover.style.width = `${width}px`;
  popover.style.left = `${Math.max(8, Math.min(from.left, innerWidth - width - 8))}px`;
  const below = innerHeight - from.bottom - 12;
  const above = from.top - 12;
  const upward = below < 260 && above > below;
  popover.style.top = upward ? "auto" : `${from.bottom + 4}px`;
  popover.style.bottom = upward ? `${innerHeight - from.top + 4}px` : "auto";
  popover.style.maxHeight = `${Math.max(160, upward ? above : below)}px`;
};

const open = () => {
  if (!shown()) popover.showPopover();
  place();
  const chosenWay = popover.querySelector(".rule-way:has(:checked)");
  const first =
    popover.querySelector("#rule-ask-typed") ??
    chosenWay?.querySelector(".rule-inputs :is(input, select)") ??
    popover.querySelector("input[type=radio]:checked") ??
    popover.querySelector(".rule-inputs :is(input, select)") ??
    popover.querySelector("[aria-selected=true]") ??
    options()[0];
  first?.focus();
  first?.select?.();
};

const close = () => {
  if (shown()) popover.hidePopover();
};

// What was ticked is not lost by looking elsewhere; only Escape takes it back.
popover.addEventListener("beforetoggle", (event) => {
  const form = popover.querySelector("form[data-changed]");
  if (event.newState !== "closed" || !form) return;
  form.removeAttribute("data-changed");
  form.requestSubmit();
});

// Forms around a rule save themselves when something in them changes; a question is not yet a change.
for (const name of ["change", "input"]) popover.addEventListener(name, (event) => event.stopPropagation());

document.addEventListener("click", (event) => {
  const button = event.target.closest(`${widgets} [aria-haspopup=dialog]`);
  if (button) invoker = button.id;
});

popover.addEventListener("click", (event) => {
  const option = event.target.closest("[data-value]");
  if (option) tick(option);
});

const tick = (option) => {
  const chips = popover.querySelector("[data-chips]");
  const form = option.closest("form");
  const there = [...chips.querySelectorAll("input")].find((box) => box.value === option.dataset.value);
  if (there) {
    there.closest("label").remove();
  } else {
    const chip = popover.querySelector("template").content.firstElementChild.cloneNode(true);
    chip.querySelector("input").value = option.dataset.value;
    chip.querySelector("span").textContent = option.dataset.words;
    chips.append(chip);
  }
  form.setAttribute("data-changed", "");
  mark();
  const typed = popover.querySelector("#rule-ask-typed");
  if (typed?.value) {
    typed.value = "";
    typed.dispatchEvent(new Event("input", { bubbles: true }));
    typed.focus();
  }
  place();
};

const mark = () => {
  const chosen = new Set([...popover.querySelectorAll("[data-chips] input:checked")].map((box) => box.value));
  for (const option of popover.querySelectorAll("[data-value]")) option.setAttribute("aria-selected", String(chosen.has(option.dataset.value)));
};

popover.addEventListener("change", (event) => {
  if (event.target.closest("[data-chips]")) {
    event.target.closest("label").remove();
    popover.querySelector("form").setAttribute("data-changed", "");
    mark();
    popover.querySelector("#rule-ask-typed, [role=option]")?.focus();
  }
});

popover.addEventListener("input", (event) => {
  const way = event.target.closest(".rule-way")?.querySelector("input[type=radio]");
  if (way && event.target !== way) way.checked = true;
  if (event.target.matches("[data-filters]")) {
    const words = event.target.value.trim().toLowerCase();
    for (const option of popover.querySelectorAll("[role=option]")) option.hidden = !option.textContent.toLowerCase().includes(words);
    for (const group of popover.querySelectorAll(".rule-option-group")) group.hidden = Boolean(words);
  }
});

popover.addEventListener("keydown", (event) => {
  const at = document.activeElement;
  const list = options();
  const found = list.indexOf(at);
  if (event.key === "Escape") {
    popover.querySelector("form")?.removeAttribute("data-changed");
  } else if (["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key) && list.length && (found >= 0 || at.id === "rule-ask-typed")) {
    if (found < 0 && event.key !== "ArrowDown") return;
    event.preventDefault();
    const next = { ArrowDown: found + 1, ArrowUp: found - 1, Home: 0, End: list.length - 1 }[event.key];
    (list[next] ?? (next < 0 ? popover.querySelector("#rule-ask-typed") : null))?.focus();
  } else if (event.key === "Enter" && at.id === "rule-ask-typed") {
    event.preventDefault();
    if (at.value || !popover.querySelector("[data-changed]")) takeFirst(at);
    else popover.querySelector("form").requestSubmit();
  } else if (event.key === "Tab" && !popover.querySelector("[data-fills]")) {
    const stops = [...fields(), ...(found >= 0 ? [at] : list.slice(0, 1))];
    const next = stops[(stops.indexOf(at) + (event.shiftKey ? -1 : 1) + stops.length) % stops.length];
    event.preventDefault();
    next?.focus();
  } else if (event.key === "Tab") {
    const stops = fields();
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    if (at !== edge) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0]).focus();
  }
});

// Choices that are still on their way belong to what was typed before.
let taking = false;
const takeFirst = (typed) => {
  if (typed.hasAttribute("hx-post") && typed.value && typed.dataset.answered !== typed.value) {
    taking = true;
    return;
  }
  options()[0]?.click();
};

document.addEventListener("htmx:afterSettle", (event) => {
  const target = event.detail.target;
  if (target === popover) open();
  if (target.id === "rule-ask-options") {
    const typed = popover.querySelector("#rule-ask-typed");
    typed.dataset.answered = event.detail.requestConfig.parameters.typed ?? "";
    mark();
    // Whoever had gone down into the list is still in it.
    if (!popover.contains(document.activeElement)) (options()[0] ?? typed).focus();
    if (taking && typed.dataset.answered === typed.value) {
      taking = false;
      options()[0]?.click();
    }
  }
});

// --- the rule ------------------------------------------------------------------------------------------------------------

const figuresOf = (widget) => new Map([...widget.querySelectorAll(".rule-figure[id]")].map((one) => [one.id, one.innerHTML]));
let before = new Map();

document.addEventListener("htmx:beforeSwap", (event) => {
  const widget = event.detail.target;
  if (!widget.matches?.(widgets) || event.detail.requestConfig.path !== widget.dataset.edit) return;
  before = figuresOf(widget);
  popover.querySelector("form")?.removeAttribute("data-changed");
  close();
});

document.addEventListener("htmx:afterSettle", (event) => {
  const widget = event.detail.elt;
  if (!widget?.matches?.(widgets) || !event.detail.requestConfig?.path.endsWith(widget.dataset.edit)) return;
  const now = widget.querySelectorAll(".rule-figure[id]");
  if (now.length === before.size) {
    for (const figure of now) {
      figure.innerHTML ||= before.get(figure.id) ?? "";
      figure.classList.add("stale");
    }
  }
  const next = document.getElementById(widget.dataset.focus);
  next?.focus();
  if (next && "opens" in widget.dataset) next.click();
  widget.dispatchEvent(new Event("rules-changed", { bubbles: true }));
  // A form around it hears of a change once there is a rule that can be used.
  if ("sound" in widget.dataset) widget.querySelector("textarea").dispatchEvent(new Event("change", { bubbles: true }));
});

const send = (widget, values) =>
  htmx.ajax("POST", widget.dataset.edit, { source: widget, target: widget, swap: "outerHTML", values });

document.addEventListener("keydown", (event) => {
  if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  const node = event.target.closest(`${widgets} [data-node]`);
  if (!node) return;
  event.preventDefault();
  send(node.closest(widgets), { rb_do: event.key === "ArrowUp" ? "up" : "down", rb_place: node.dataset.node });
});

// --- dragging ------------------------------------------------------------------------------------------------------------

let dragged = null;
const clear = () => document.querySelectorAll(".drop-before, .drop-after, .drop-into").forEach((one) => one.classList.remove("drop-before", "drop-after", "drop-into"));

const spot = (event) => {
  const over = event.target.closest(`${widgets} :is([data-node], .rule-add)`);
  if (!dragged || !over || over.closest(widgets) !== dragged.closest(widgets)) return null;
  const group = over.closest("[data-group]")?.dataset.group ?? "";
  if (over.matches(".rule-add")) return { over, mark: "drop-before", to: group, index: 9999 };
  if (over.matches(".rule-head")) return { over, mark: "drop-into", to: over.dataset.node, index: 0 };
  const box = over.getBoundingClientRect();
  const after = event.clientY > box.top + box.height / 2;
  return { over, mark: after ? "drop-after" : "drop-before", to: group, index: Number(over.dataset.node.split(".").pop()) + Number(after) };
};

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.(".rule-grip")?.closest("[data-node]") ?? null;
  if (dragged) event.dataTransfer.setDragImage(dragged, 8, 16);
});
document.addEventListener("dragover", (event) => {
  const found = spot(event);
  clear();
  if (!found) return;
  event.preventDefault();
  found.over.classList.add(found.mark);
});
document.addEventListener("drop", (event) => {
  const found = spot(event);
  clear();
  if (!found) return;
  event.preventDefault();
  send(dragged.closest(widgets), { rb_do: "move", rb_place: dragged.dataset.node, rb_to: found.to, rb_index: found.index });
});
document.addEventListener("dragend", () => {
  dragged = null;
  clear();
});
