// A drawing pad for 28 x 28 pictures, for controls with the parts of js/pad.html. `changed()` is called after each change,
// `example(n)` asks for the n-th example, 784 bytes in base64.
const paintPixels = (context, pixels, size, side = 28) => {
  const small = make("canvas", { width: side, height: side }),
    s = small.getContext("2d"),
    image = s.createImageData(side, side),
    channels = pixels.length / side ** 2; // 1, or 3 beside one another
  for (let k = 0; k < side ** 2; k++) {
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = pixels[channels * k + (c % channels)];
    image.data[4 * k + 3] = 255;
  }
  s.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = size > side;
  context.drawImage(small, 0, 0, size, size);
};
const drawingPad = (changed, example) => {
  const pad = $(".pad"),
    pen = pad.getContext("2d", { willReadFrequently: true });
  let x = new Uint8Array(784),
    from = "example",
    tries = 2,
    stroke = null;
  const use = (pixels, source) => {
    x = pixels;
    from = source;
    paintPixels(pen, x, 280);
    changed();
  };
  const take = (packed, source) => {
    if (packed) use(bytes(packed), source);
  };
  const read = () => {
    const small = make("canvas", { width: 28, height: 28 }),
      s = small.getContext("2d");
    s.imageSmoothingQuality = "high";
    s.drawImage(pad, 0, 0, 28, 28);
    const data = s.getImageData(0, 0, 28, 28).data;
    x = x.map((_, k) => data[4 * k]);
    changed();
  };
  const clear = () => {
    from = "hand";
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, 280, 280);
  };
  const at = (event) => {
    const box = pad.getBoundingClientRect();
    return [((event.clientX - box.left) * 280) / box.width, ((event.clientY - box.top) * 280) / box.height];
  };
  const dab = (event) => {
    const next = at(event);
    pen.strokeStyle = "#fff";
    pen.lineWidth = 21;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(...stroke);
    if (stroke[0] === next[0] && stroke[1] === next[1]) {
      pen.arc(...next, 0.1, 0, 7); // a line without length would draw nothing
    } else pen.lineTo(...next);
    pen.stroke();
    stroke = next;
    read();
  };
  pad.addEventListener("pointerdown", (event) => {
    if (from === "example") clear();
    stroke = at(event);
    pad.setPointerCapture(event.pointerId);
    dab(event);
  });
  pad.addEventListener("pointermove", (event) => {
    if (stroke) dab(event);
  });
  for (const end of ["pointerup", "pointercancel"])
    pad.addEventListener(end, () => {
      stroke = null;
    });
  $(".clear").addEventListener("click", () => {
    clear();
    read();
  });
  $(".fit").addEventListener("click", async () => take(await ask(server.centre, { pixels: base64(x) }), "hand"));
  $(".example").addEventListener("click", async () => take(await example(++tries), "example"));
  acceptFiles(pad, $(".upload"), async (png) => take(await ask(server.open_picture, { png }), "example"));
  return { use, pixels: () => x, source: () => from };
};
