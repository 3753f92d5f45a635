// Comfort alone: every page works without this file.
"use strict";
document.documentElement.classList.add("comfort");
for (const box of document.querySelectorAll("select[data-submit]")) {
  box.addEventListener("change", () => box.form.submit());
}
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", () => setTimeout(() => {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  }));
}
// In the queue of orders: j and k move, enter opens, r releases, h holds. "/" goes to the search box.
const rows = [...document.querySelectorAll("[data-keys] tbody tr")];
let at = -1;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("q").focus();
  } else if (rows.length && (event.key === "j" || event.key === "k")) {
    at = Math.min(rows.length - 1, Math.max(0, at + (event.key === "j" ? 1 : -1)));
    rows[at].querySelector("a").focus();
  } else {
    const button = document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
    if (button) button.click();
  }
});
