// Dialogs for destructive acts; where a word must be typed, the button waits for it.

export function openDialog(id) {
  const dialog = document.getElementById(id);
  const form = dialog.querySelector("form[data-type-word]");
  if (form) watchTypedWord(form);
  dialog.showModal();
}

export function closeDialog(button) {
  button.closest("dialog").close();
}

export function watchTypedWord(form) {
  const typed = form.elements.confirmation.value.trim();
  form.querySelector("button:not([type=button])").disabled = typed !== form.dataset.typeWord;
}
