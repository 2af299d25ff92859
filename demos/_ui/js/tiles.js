// A plane of decoded pictures: n x n of them, 28 x 28 each, as one picture; a place in it is in units of tiles.
// The picture, once it is there -> its grey values.
const readTiles = (sheet, n) => {
  const side = 28 * n,
    hidden = make("canvas", { width: side, height: side }),
    h = hidden.getContext("2d");
  h.drawImage(sheet, 0, 0);
  const rgba = h.getImageData(0, 0, side, side).data;
  return new Uint8Array(side * side).map((_, k) => rgba[4 * k]);
};
// The picture at (x, y), the four nearest decoded ones blended, onto a canvas of 28 x 28.
const blendTiles = (context, tiles, n, x, y) => {
  const side = 28 * n,
    out = context.createImageData(28, 28);
  const i = Math.min(Math.floor(x), n - 2),
    j = Math.min(Math.floor(y), n - 2),
    fx = x - i,
    fy = y - j;
  for (let r = 0; r < 28; r++)
    for (let c = 0; c < 28; c++) {
      const top = (j * 28 + r) * side + i * 28 + c,
        low = top + 28 * side,
        o = 4 * (28 * r + c);
      const v =
        (1 - fy) * ((1 - fx) * tiles[top] + fx * tiles[top + 28]) + fy * ((1 - fx) * tiles[low] + fx * tiles[low + 28]);
      out.data[o] = out.data[o + 1] = out.data[o + 2] = v;
      out.data[o + 3] = 255;
    }
  context.putImageData(out, 0, 0);
};
// The sheet on a square canvas of this width, paler where points shall be seen on it.
const drawTiles = (context, sheet, width, pale) => {
  context.globalAlpha = 1;
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, width);
  context.globalAlpha = pale ? 0.55 : 0.9;
  context.imageSmoothingEnabled = true;
  context.drawImage(sheet, 0, 0, width, width);
};
// A point of a class, at (x, y) of the canvas.
const drawPoint = (context, x, y, ink, radius = 4) => {
  context.globalAlpha = 0.95;
  context.fillStyle = ink;
  context.strokeStyle = "rgba(255,255,255,.7)";
  context.lineWidth = 0.75;
  context.beginPath();
  context.arc(x, y, radius, 0, 7);
  context.fill();
  context.stroke();
};
// The frame around the tile whose middle is (x, y) of the canvas.
const drawFrame = (context, x, y, side) => {
  context.globalAlpha = 1;
  context.strokeStyle = "#fff";
  context.lineWidth = 2;
  context.strokeRect(x - side / 2, y - side / 2, side, side);
};
// Where a pointer is over a plane of n x n tiles.
const tileAt = (event, canvas, n) => {
  const box = canvas.getBoundingClientRect(),
    clip = (v) => Math.min(Math.max(v, 0), n - 1);
  return [
    clip(((event.clientX - box.left) / box.width) * n - 0.5),
    clip(((event.clientY - box.top) / box.height) * n - 0.5),
  ];
};
// The names of classes with their colours.
const classLegend = (names, colours) =>
  names.map((name, c) => {
    const item = make("span", {}, name),
      dot = make("i");
    dot.style.background = colours[c];
    item.prepend(dot);
    return item;
  });
