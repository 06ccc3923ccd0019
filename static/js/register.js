// A model's file goes straight into the store, under the address that the hub signed for it; then a worker looks at it.

import { md5 } from "./md5.js";
import { put, speak } from "./upload-api.js";

const form = document.querySelector("form[data-register]");
const problem = form?.querySelector("[data-problem]");
const progress = form?.querySelector("[data-progress]");

const examples = JSON.parse(document.getElementById("config-examples")?.textContent ?? "{}");

/** Offer the example of the module that was chosen, unless somebody wrote over the one before. */
function exampleOf(module) {
  const { config } = form.elements;
  if (!config.value.trim() || Object.values(examples).includes(config.value)) config.value = examples[module];
}

function fail(words) {
  problem.textContent = words || form.dataset.sayUnreachable;
  problem.hidden = false;
  progress.textContent = "";
  form.querySelector("button.primary").disabled = false;
}

/** What the form says, as the API takes it; fields left empty are not sent. */
function told(file) {
  const said = { file_name: file.name, size: file.size };
  for (const name of ["ai_module", "name", "source", "licence", "notes", "version"]) {
    const { value } = form.elements[name];
    if (value) said[name] = value;
  }
  const organization = form.elements.organization_id.value;
  if (organization) said.organization_id = Number(organization);
  const isBundle = file.name.toLowerCase().endsWith(".zip");
  if (!isBundle && form.elements.config.value.trim()) said.config = JSON.parse(form.elements.config.value);
  return said;
}

async function register() {
  const file = form.elements.file.files[0];
  if (!file.size || file.size > Number(form.dataset.maxBytes)) throw new Error(form.dataset.sayLarge);
  const csrf = form.querySelector("[name=csrfmiddlewaretoken]").value;
  let said;
  try {
    said = told(file);
  } catch {
    throw new Error(form.dataset.sayConfig);
  }
  progress.textContent = form.dataset.sayHashing;
  const content = await file.arrayBuffer();
  const begun = await speak("POST", form.dataset.to, csrf, { ...said, md5: md5(content) });
  const { method, url, headers } = begun.upload;
  await put(method, url, headers, content, (bytes) => {
    progress.textContent = `${form.dataset.saySending} ${Math.floor((bytes / file.size) * 100)} %`;
  });
  await speak("POST", `${form.dataset.to}/${begun.id}/complete`, csrf, {});
  window.location.assign(`${form.dataset.then}${begun.id}/`);
}

form?.elements.ai_module.addEventListener("change", (event) => exampleOf(event.target.value));

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  problem.hidden = true;
  form.querySelector("button.primary").disabled = true;
  register().catch((error) => fail(error.message));
});
