// Samples of a flow. value: {columns, pictures (bytes, row by row), digits, sure, bits (of each), sizes (latents of each scale,
// finest first), within (share of variance within rows) and same (read as their row's first), null where nothing is kept}
const area = 28 * 28;
let value = null,
  chosen = 0,
  cells = [];
const sheet = $(".sheet");
const told = (k) => `read as ${value.digits[k]} with ${Math.round(100 * value.sure[k])} %`;
const unit = (k) => `${value.bits[k].toFixed(2)} bits per dimension`;
const place = (k) => `Row ${Math.floor(k / value.columns) + 1}, picture ${(k % value.columns) + 1}`;
const look = (k) => {
  chosen = k;
  cells.forEach((cell, i) => {
    cell.setAttribute("aria-selected", i === k);
    cell.tabIndex = i === k ? 0 : -1; // one Tab stop; the arrow keys go on from it
  });
  $(".chosen").textContent = `${place(k)}: ${told(k)}, ${unit(k)}`;
};
const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const cellOf = (k) => {
  const cell = make("button", { type: "button", role: "option" });
  cell.append(make("canvas", { class: "pixels", width: 28, height: 28, role: "img" }));
  cell.addEventListener("click", () => look(k));
  cell.addEventListener("pointerenter", () => look(k));
  cell.addEventListener("focus", () => look(k));
  cell.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const n = value.columns,
      column = (k % n) + step[1];
    if (column >= 0 && column < n) cells[k + n * step[0] + step[1]]?.focus();
  });
  return cell;
};
const show = () => {
  if (!props.value?.pictures) return;
  value = props.value;
  const rows = value.within !== null,
    all = bytes(value.pictures),
    mean = value.bits.reduce((sum, b) => sum + b, 0) / value.bits.length;
  if (cells.length !== value.bits.length) {
    cells = value.bits.map((_, k) => cellOf(k));
    sheet.replaceChildren(...cells);
  }
  sheet.classList.toggle("rows", rows);
  cells.forEach((cell, k) => {
    paintPixels(cell.firstChild.getContext("2d"), all.subarray(k * area, (k + 1) * area), 28);
    cell.firstChild.setAttribute("aria-label", `${place(k)}: ${told(k)}, ${unit(k)}`);
    cell.classList.toggle("first", rows && k % value.columns === 0);
  });
  const scale = value.settings.redraw,
    [fine, coarse] = value.sizes;
  const total = value.sizes.reduce((sum, n) => sum + n, 0),
    [size, kept, rest] = scale === "fine" ? [fine, coarse, "coarse"] : [coarse, fine, "fine"];
  $(".kept").textContent = rows ? "As drawn" : `${total} latents each, all drawn anew`;
  $(".anew").textContent = rows ? `${kept} ${rest} latents kept, ${size} ${scale} ones drawn anew →` : "";
  $(".sum").textContent =
    `${mean.toFixed(2)} bits per dimension on average. ` +
    (rows
      ? `${Math.round(100 * value.within)} % of the pixels’ variance is within rows; ` +
        `${value.same} of ${(value.bits.length / value.columns) * (value.columns - 1)} are read as the first of their row.`
      : "Point at a picture, or use the arrow keys, for its own.");
  look(Math.min(chosen, cells.length - 1));
};
loadInitial(show);
