// A canvas as large as it is on the screen, sharp on any: its 2-D context in CSS pixels, and its width and height; null
// while it is not seen.
const sizedCanvas = (canvas) => {
  const scale = window.devicePixelRatio || 1,
    width = canvas.clientWidth,
    height = canvas.clientHeight;
  if (!width || !height) return null;
  const context = canvas.getContext("2d"),
    [across, down] = [width * scale, height * scale].map(Math.floor);
  if (canvas.width === across && canvas.height === down && context.reset) context.reset();
  else [canvas.width, canvas.height] = [across, down]; // which takes new memory
  context.scale(scale, scale);
  return { context, width, height };
};
// Numbers that travelled as bytes in base64.
const int8s = (base64) => new Int8Array(bytes(base64).buffer);
const int16s = (base64) => new Int16Array(bytes(base64).buffer);
