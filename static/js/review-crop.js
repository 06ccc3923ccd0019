// The part of the image that the text stands in, beside the field: the prediction's box, or the whole image where it has none.

const MARGIN = 0.12;
const TALLEST = 112;
const MAGNIFIED = 3;

/** Draw onto `canvas`; `boxes` are the prediction's, the first with a text first. */
export function showCrop(canvas, image, boxes, scale = 1) {
  const box = boxes.find(({ text }) => text) ?? boxes[0];
  const [x, y, width, height] = box ? widened(box.bbox, image) : [0, 0, image.naturalWidth, image.naturalHeight];
  const room = canvas.parentElement.clientWidth || 300;
  const times = Math.min(room / width, TALLEST / height);
  const sharp = window.devicePixelRatio * scale;
  canvas.width = Math.max(1, Math.round(width * times * sharp));
  canvas.height = Math.max(1, Math.round(height * times * sharp));
  Object.assign(canvas.style, { width: `${width * times}px`, height: `${height * times}px` });
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = times < MAGNIFIED;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, x, y, width, height, 0, 0, canvas.width, canvas.height);
  canvas.hidden = false;
}

function widened([x, y, width, height], image) {
  const margin = Math.max(2, height * MARGIN);
  const [left, top] = [Math.max(0, x - margin), Math.max(0, y - margin)];
  const [right, bottom] = [Math.min(image.naturalWidth, x + width + margin), Math.min(image.naturalHeight, y + height + margin)];
  return [left, top, right - left, bottom - top];
}
