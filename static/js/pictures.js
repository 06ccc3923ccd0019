// An image far smaller than the place it is shown in is drawn with its own pixels, not blurred.

const MAGNIFIED = 3;

export function sharpen(image) {
  const small = image.naturalWidth * MAGNIFIED < image.clientWidth && image.naturalHeight * MAGNIFIED < image.clientHeight;
  image.classList.toggle("pixelated", small);
}

export function sharpenSmallImages(root) {
  for (const image of root.querySelectorAll("[data-picture] img, img[data-small]")) {
    if (image.complete) sharpen(image);
    else image.addEventListener("load", () => sharpen(image), { once: true });
  }
}
