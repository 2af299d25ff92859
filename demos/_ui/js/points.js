// A learner's own points in the plane of a lab: drawn with the pointer, or two columns of numbers from a file or pasted.
const POINTS = 500,
  WINDOW = 1.25; // as in genai_core/data/plane.py

// "x,y,x,y" as a setting holds them -> numbers.
const numbersOf = (text) => (text ? text.split(",").map(Number) : []);

// Text with a point in each row, its first two numbers, split by a comma, a semicolon, a tab or spaces -> {points: [x, y,
// ...], said}, or {error}. A first row of names is passed over; with a semicolon or a tab a comma may be a decimal one.
const parsePoints = (text) => {
  const rows = text
    .split(/\r\n?|\n/)
    .map((row) => row.trim())
    .filter(Boolean);
  const found = [];
  for (const [k, row] of rows.entries()) {
    const cells = /[;\t]/.test(row) ? row.replaceAll(",", ".").split(/[;\t]/) : row.split(/[\s,]+/);
    const [x, y] = cells.slice(0, 2).map((cell) => (cell.trim() === "" ? NaN : Number(cell)));
    if (Number.isFinite(x) && Number.isFinite(y)) found.push([x, y]);
    else if (k) return { error: `Row ${k + 1} does not begin with two numbers, such as 0.5, -1.2.` };
  }
  if (!found.length) return { error: "That holds no two columns of numbers, such as 0.5, -1.2 in a row." };
  const every = Math.ceil(found.length / POINTS),
    kept = found.filter((_, k) => k % every === 0);
  const ends = [0, 1].map((d) => [Math.min(...kept.map((p) => p[d])), Math.max(...kept.map((p) => p[d]))]);
  const half = Math.max(...ends.map(([low, high]) => (high - low) / 2)),
    largest = Math.max(...ends.flat().map(Math.abs));
  const fits = largest <= WINDOW && half > WINDOW / 10,
    centre = fits ? [0, 0] : ends.map(([low, high]) => (low + high) / 2),
    scale = fits || half === 0 ? 1 : (0.8 * WINDOW) / half;
  const said = [every > 1 ? `Of ${found.length.toLocaleString("en")} points, ${kept.length} are used.` : ""];
  if (!fits) said.push("They are moved and scaled into the window.");
  return {
    points: kept.flatMap((p) => p.map((v, d) => +((v - centre[d]) * scale).toFixed(2))),
    said: said.filter(Boolean).join(" "),
  };
};

// `changed(points)` draws them, `beforeChange()` is called before they do. While `points` is null, the data are others.
const ownPoints = (plane, extent, changed, beforeChange = () => {}) => {
  const own = {
    points: null,
    use(points) {
      own.points = points;
      $(".hint-draw").hidden = !points;
      plane.style.cursor = points ? "crosshair" : "";
    },
  };
  // They are the form's from now on, and those of links and saved pictures.
  const settle = () => {
    part.form.merge({ drawn: own.points.join(",") });
    shows(part.form.values());
  };
  const add = (event) => {
    if (own.points.length >= 2 * POINTS) return;
    const box = plane.getBoundingClientRect();
    const at = [((event.clientX - box.left) / box.width) * 2 - 1, 1 - ((event.clientY - box.top) / box.height) * 2];
    own.points.push(...at.map((v) => +Math.max(-WINDOW, Math.min(WINDOW, v * extent())).toFixed(2)));
    changed(own.points);
  };
  const take = (text) => {
    const { points, said, error } = parsePoints(text.slice(0, 2e6));
    say(error ?? said);
    if (error) return;
    beforeChange();
    own.points = points;
    changed(points);
    settle();
  };
  plane.addEventListener("pointerdown", (event) => {
    if (!own.points) return;
    beforeChange();
    plane.setPointerCapture(event.pointerId);
    add(event);
  });
  plane.addEventListener("pointermove", (event) => {
    if (own.points && event.buttons) add(event);
  });
  for (const end of ["pointerup", "pointercancel"]) plane.addEventListener(end, () => own.points && settle());
  acceptFiles(
    $(".hint-draw"),
    $(".hint-draw input"),
    (data) => own.points && take(new TextDecoder().decode(bytes(data))),
  );
  document.addEventListener("paste", (event) => {
    const elsewhere = event.target instanceof Element && event.target.closest("input, textarea, select");
    if (!own.points || elsewhere || genai.current !== part.id) return;
    event.preventDefault();
    take(event.clipboardData.getData("text"));
  });
  return own;
};
