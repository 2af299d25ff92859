// Inpainting. value: {settings: {pixels, mask (784 bytes each; 255: to be filled in)}} and, of a run, {state, predicted
// (bytes of four pictures each), done, total, passes (of the network, an evaluation)}
let mask = new Uint8Array(784),
  tool = "hide",
  cover = null, // where the pointer was last, in pixels of the picture, while it paints the mask
  quiet = false;
const veil = $(".veil"),
  over = veil.getContext("2d"),
  pad = $(".pad");
const pairs = Array.from({ length: 4 }, () => {
  const box = make("div");
  box.append(
    make("canvas", { class: "pixels large", width: 28, height: 28, role: "img", "aria-label": "the state" }),
    make("canvas", {
      class: "pixels small",
      width: 28,
      height: 28,
      role: "img",
      "aria-label": "the predicted picture",
    }),
  );
  return box;
});
$(".made").replaceChildren(...pairs);
// The picture and its mask are settings of the form, which has no field for them.
const publish = () => {
  if (quiet) return;
  part.form.merge({ pixels: base64(board.pixels()), mask: base64(mask) });
  if (!props.value?.state) return;
  $(".made").classList.add("former"); // the answers that are shown, and saved, are to another question
  $(".readout").textContent = "These are answers to the question before. Press Fill in.";
};
const shade = () => {
  over.clearRect(0, 0, 280, 280);
  over.fillStyle = colour("--made");
  over.globalAlpha = 0.88;
  mask.forEach((v, k) => {
    if (v > 127) over.fillRect((k % 28) * 10, Math.floor(k / 28) * 10, 10, 10);
  });
};
const pixelAt = (event) => {
  const box = pad.getBoundingClientRect();
  return [((event.clientX - box.left) * 28) / box.width, ((event.clientY - box.top) * 28) / box.height];
};
// From where the pointer was last to where it is: a fast stroke leaves no holes.
const touch = (event) => {
  const now = pixelAt(event),
    [dx, dy] = now.map((v, k) => v - cover[k]),
    length = dx * dx + dy * dy || 1;
  for (let r = 0; r < 28; r++)
    for (let c = 0; c < 28; c++) {
      const x = c + 0.5 - cover[0],
        y = r + 0.5 - cover[1],
        along = Math.max(0, Math.min(1, (x * dx + y * dy) / length));
      if ((x - along * dx) ** 2 + (y - along * dy) ** 2 < 2.4 ** 2) mask[28 * r + c] = tool === "hide" ? 255 : 0;
    }
  cover = now;
  shade();
};
// Before the drawing pad's own listeners: painting the mask keeps the pen away.
pad.addEventListener("pointerdown", (event) => {
  if (tool === "draw") return;
  event.stopImmediatePropagation();
  cover = pixelAt(event);
  pad.setPointerCapture(event.pointerId);
  touch(event);
});
pad.addEventListener("pointermove", (event) => {
  if (cover) touch(event);
});
for (const end of ["pointerup", "pointercancel"])
  pad.addEventListener(end, () => {
    if (cover) {
      cover = null;
      publish();
    }
  });
const board = drawingPad(
  () => publish(),
  (n) => ask(server.example, { seed: n }),
);
for (const name of ["hide", "show", "draw"])
  $(`.${name}`).addEventListener("click", () => {
    tool = name;
    for (const other of ["hide", "show", "draw"]) $(`.${other}`).setAttribute("aria-pressed", other === name);
  });
$(".bare").addEventListener("click", () => {
  mask.fill(0);
  shade();
  publish();
});
const read = () => {
  const value = props.value;
  if (value?.settings) {
    quiet = true;
    mask = bytes(value.settings.mask).slice();
    shade();
    board.use(bytes(value.settings.pixels), "example");
    quiet = false;
  } // a run's frame leaves them alone: one may paint on
  if (!value?.state) {
    $(".readout").textContent = "Press Fill in.";
    return;
  }
  $(".made").classList.remove("former");
  const passes = value.passes === 1 ? "" : ` (${value.passes * value.total} passes)`,
    states = bytes(value.state),
    predicted = bytes(value.predicted);
  pairs.forEach((box, k) => {
    paintPixels(box.children[0].getContext("2d"), states.subarray(784 * k, 784 * (k + 1)), 28);
    paintPixels(box.children[1].getContext("2d"), predicted.subarray(784 * k, 784 * (k + 1)), 28);
  });
  $(".bar i").style.width = `${(100 * value.done) / value.total}%`;
  $(".readout").textContent =
    value.done === value.total
      ? `${value.total} evaluations${passes}: done, and every known pixel is as it was.`
      : `${value.done} of ${value.total} evaluations`;
};
// The beginning of a long run, of a link or a saved picture: the page streams it.
const openShown = () => {
  read();
  const { value } = props;
  if (value?.state && value.done < value.total) part.request(value.settings);
};
watchRuns(read);
loadInitial(openShown);
