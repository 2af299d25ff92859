// Matrices as heat maps: one number a cell, in a canvas that CSS makes as large as it should be.
const rgbOf = (name) =>
  colour(name)
    .match(/\w\w/g)
    .map((hex) => parseInt(hex, 16));
// values: rows of `columns` numbers, one after the other, in [-top, top]: below 0 in one ink, above in another, on paper
// where it is 0. NaN and minus infinity are left out. ink: of the numbers above 0.
const drawMatrix = (canvas, values, columns, top = 1, ink = "--made") => {
  const rows = values.length / columns;
  [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d"),
    image = context.createImageData(columns, rows),
    inks = [rgbOf("--real"), rgbOf(ink)];
  values.forEach((value, k) => {
    if (!Number.isFinite(value)) return;
    image.data.set([...inks[+(value > 0)], 255 * Math.min(1, Math.abs(value) / (top || 1))], 4 * k);
  });
  context.putImageData(image, 0, 0);
};
const float32s = (base64) => new Float32Array(bytes(base64).buffer);
// The row and the column of a heat map under a pointer.
const cellAt = (event, canvas) => {
  const box = canvas.getBoundingClientRect(),
    clip = (v, n) => Math.max(0, Math.min(n - 1, Math.floor(v * n)));
  return [
    clip((event.clientY - box.top) / box.height, canvas.height),
    clip((event.clientX - box.left) / box.width, canvas.width),
  ];
};
