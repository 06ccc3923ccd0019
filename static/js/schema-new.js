// The form of a new module: only what the chosen task and beginning need is shown, and the slug follows the name until it is typed.

const form = document.querySelector("form[data-new-module]");
const button = form.querySelector("[data-word-file]");
const word = button.textContent;
let isTyped = form.elements.slug.value !== "";

function slugOf(name) {
  return name.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "_").replace(/^[^a-z]+|_+$/g, "").slice(0, 64);
}

function show() {
  for (const part of form.querySelectorAll("[data-when]")) {
    const [field, value] = part.dataset.when.split("=");
    part.hidden = form.elements[field].value !== value;
  }
  button.textContent = form.elements.begin.value === "file" ? button.dataset.wordFile : word;
}

form.elements.name.addEventListener("input", () => {
  if (!isTyped) form.elements.slug.value = slugOf(form.elements.name.value);
});
form.elements.slug.addEventListener("input", () => { isTyped = form.elements.slug.value !== ""; });
form.addEventListener("change", show);
show();
