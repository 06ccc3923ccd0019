// Making a shape of SVG.

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, attributes = {}) {
  const shape = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
  return shape;
}
