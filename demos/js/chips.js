// Tokens as chips, shaded: put before the script of every control that makes chips.
// 0 is plain paper, 1 the deepest shade.
const shadeOf = (t) => viridis(1 - t);
const shadeChip = (chip, t) => {
  const deep = Math.max(0, Math.min(1, t ?? 0)); // what was expected stays paper, so that the eye finds what was not
  chip.style.background = deep < 0.03 ? "none" : `rgb(${shadeOf(t).join(" ")} / ${0.15 + 0.85 * deep})`;
  chip.style.color = deep > 0.72 ? "#fff" : "";
};
// What the shades mean: `low` for paper, `high` for the deepest.
const keyOf = (low, high) => [make("span", {}, low), ...[0.1, 0.4, 0.7, 1].map((t) => { const swatch = make("i", { class: "swatch" }); shadeChip(swatch, t); return swatch; }), make("span", {}, high)];
const chipOf = (text) => {
  const chip = make("span", { class: "chip" }, text === "\n" ? "↵\n" : text);
  if (text === "\n") chip.classList.add("break");
  return chip;
};
