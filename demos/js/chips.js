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
// What a chip's title says is said below the chips as well, for the one pointed at, or gone to with the arrow keys.
const walkable = (chips) => {
  const told = make("p", { class: "caption num walked", role: "status" });
  let at = -1;
  const go = (k) => {
    const all = [...chips.querySelectorAll(".chip")];
    at = Math.min(k, all.length - 1);
    all.forEach((chip, i) => chip.classList.toggle("on", i === at));
    told.textContent = at < 0 ? "" : `“${all[at].textContent.trim() || "space"}” ${all[at].title}`;
  };
  const keys = { ArrowRight: () => at + 1, ArrowLeft: () => Math.max(0, at - 1), Home: () => 0, End: () => Infinity };
  chips.tabIndex = 0; chips.setAttribute("role", "group");
  chips.addEventListener("keydown", (event) => { if (event.key in keys) { event.preventDefault(); go(keys[event.key]()); } });
  chips.addEventListener("pointerover", (event) => { const chip = event.target.closest(".chip"); if (chip) go([...chips.querySelectorAll(".chip")].indexOf(chip)); });
  for (const name of ["pointerleave", "blur"]) chips.addEventListener(name, () => go(-1));
  return told;
};
