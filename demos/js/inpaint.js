// Inpainting. value: {pixels, mask (784 bytes each; 255: to be filled in), from} and, of a run, {made, believed (bytes of four
// pictures each), done, total}. Towards Python, pixels and mask are what is asked.
let mask = new Uint8Array(784), tool = "hide", cover = null, quiet = false;
const veil = $(".veil"), over = veil.getContext("2d"), pad = $(".pad");
const pairs = Array.from({ length: 4 }, () => {
  const box = make("div");
  box.append(make("canvas", { class: "pixels large", width: 28, height: 28, role: "img", "aria-label": "the state" }), make("canvas", { class: "pixels small", width: 28, height: 28, role: "img", "aria-label": "the picture believed" }));
  return box;
});
$(".made").replaceChildren(...pairs);
const publish = () => { if (!quiet) { props.value = { pixels: base64(board.pixels()), mask: base64(mask), from: board.source() }; trigger("input"); } };
const shade = () => {
  over.clearRect(0, 0, 280, 280); over.fillStyle = colour("--made"); over.globalAlpha = 0.88;
  mask.forEach((v, k) => { if (v > 127) over.fillRect((k % 28) * 10, Math.floor(k / 28) * 10, 10, 10); });
};
const touch = (event) => {
  const box = pad.getBoundingClientRect(), x = ((event.clientX - box.left) * 28) / box.width, y = ((event.clientY - box.top) * 28) / box.height;
  for (let r = 0; r < 28; r++) for (let c = 0; c < 28; c++)
    if ((c + 0.5 - x) ** 2 + (r + 0.5 - y) ** 2 < 2.4 ** 2) mask[28 * r + c] = tool === "hide" ? 255 : 0;
  shade();
};
// Before the drawing pad's own listeners: painting the mask keeps the pen away.
pad.addEventListener("pointerdown", (event) => { if (tool === "draw") return; event.stopImmediatePropagation(); cover = true; pad.setPointerCapture(event.pointerId); touch(event); });
pad.addEventListener("pointermove", (event) => { if (cover) touch(event); });
for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => { if (cover) { cover = null; publish(); } });
const board = drawingPad(() => publish(), (n) => ask(server.example, { seed: n }));
for (const name of ["hide", "show", "draw"]) $(`.${name}`).addEventListener("click", () => {
  tool = name;
  for (const other of ["hide", "show", "draw"]) $(`.${other}`).setAttribute("aria-pressed", other === name);
});
$(".bare").addEventListener("click", () => { mask.fill(0); shade(); publish(); });
const read = () => {
  const value = props.value;
  if (!value?.pixels) { say(value?.error ?? ""); return; }
  say("");
  quiet = true;
  if (value.from) { mask = bytes(value.mask); shade(); board.use(bytes(value.pixels), value.from); } // not of a run's frame: one may paint on
  quiet = false;
  if (!value.made) return;
  const made = bytes(value.made), believed = bytes(value.believed);
  pairs.forEach((box, k) => {
    paintPixels(box.children[0].getContext("2d"), made.subarray(784 * k, 784 * (k + 1)), 28);
    paintPixels(box.children[1].getContext("2d"), believed.subarray(784 * k, 784 * (k + 1)), 28);
  });
  $(".bar i").style.width = `${(100 * value.done) / value.total}%`;
  $(".told").textContent = value.done === value.total ? `${value.total} evaluations: done, and every known pixel is as it was.` : `${value.done} of ${value.total} evaluations`;
};
watch("value", read); begin(read);
