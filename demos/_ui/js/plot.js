// At most five round numbers in [low, high], whose distance is 1, 2 or 5 times a power of ten, as in _ui/charts.py.
const roundTicks = (low, high, most = 5) => {
  const power = 10 ** Math.floor(Math.log10((high - low || 1) / most)),
    step = [1, 2, 5, 10, 20].map((k) => k * power).find((s) => Math.floor(high / s) - Math.ceil(low / s) < most),
    first = Math.ceil(low / step - 1e-9),
    last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, k) => +((first + k) * step).toFixed(10));
};
// 0.9254 -> "92.5 %", 0.5 -> "50 %"; a mark of an axis with as many digits as it has: 0.9325 -> "93.25 %".
const inPercent = (v) => `${+(100 * v).toFixed(1)} %`;
const exactPercent = (v) => `${+(100 * v).toFixed(8)} %`;
// A probability in per cent, the smallest with their first digit alone, as in _ui/charts.py.
const shareOf = (p) =>
  p >= 0.9995
    ? "100\u00a0%"
    : p >= 0.001
      ? `${(100 * p).toFixed(1)}\u00a0%`
      : p >= 1e-6
        ? `${+(100 * p).toPrecision(1)}\u00a0%`
        : "<0.0001\u00a0%";
// Lines over a common x axis: lines [{values (null where there is none), ink (a CSS variable)}], drawn from left to right
// over the whole canvas; the y axis spans what is there. Returns {low, high}, or null where nothing can be drawn.
const plotLines = (canvas, lines, { low = Infinity, high = -Infinity } = {}) => {
  const sized = sizedCanvas(canvas);
  if (!sized) return null;
  const { context, width, height } = sized;
  const seen = lines.flatMap(({ values }) => values.filter((v) => v !== null));
  if (!seen.length) return null;
  const bottom = Math.min(low, ...seen),
    top = Math.max(high, ...seen);
  const y = (v) => 6 + (1 - (v - bottom) / (top - bottom || 1)) * (height - 12);
  for (const { values, ink } of lines) {
    context.strokeStyle = colour(ink);
    context.lineWidth = 1.5;
    context.beginPath();
    values.forEach((v, k) => {
      if (v !== null) context.lineTo((k / Math.max(1, values.length - 1)) * width, y(v));
    });
    context.stroke();
  }
  return { low: bottom, high: top };
};
// A point whose magnitude, a byte, is its shade.
const drawShaded = (context, x, y, magnitude) => {
  context.fillStyle = `rgb(${viridis(magnitude / 255)})`;
  context.beginPath();
  context.arc(x, y, 3.5, 0, 7);
  context.fill();
};
