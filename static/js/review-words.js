// Annotation values in a few words, and the shapes that go with a tone.

const SVG = "http://www.w3.org/2000/svg";

export function words(value, say) {
  if (!value) return say("none");
  const boxes = value.boxes?.length ?? 0;
  const counted = boxes ? `${boxes} ${say(boxes === 1 ? "box" : "boxes")}` : say("nothing");
  return value.label || value.text || counted;
}

export function icon(name, sprite) {
  const shape = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  shape.setAttribute("class", `icon tone-${name}`);
  shape.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${sprite}#${name}`);
  shape.append(use);
  return shape;
}
