// Tokens as chips, shaded: put before the script of every control that makes chips.
// 0 is plain paper, 1 what differs most from it: nearly black on the light page, nearly white on the dark one.
const darkPage = () => document.body.classList.contains("dark");
const shadeOf = (t) => viridis(darkPage() ? t : 1 - t);
let shadedFor = null; // the theme that the chips of this control were last shaded for
const shadeAgain = () => {
  if (shadedFor === darkPage()) return;
  shadedFor = darkPage();
  for (const chip of element.querySelectorAll("[data-shade]")) shadeChip(chip, +chip.dataset.shade);
};
const shadeChip = (chip, t) => {
  if (shadedFor === null) new MutationObserver(shadeAgain).observe(document.body, { attributeFilter: ["class"] });
  shadedFor ??= darkPage();
  chip.dataset.shade = t ?? 0;
  const deep = Math.max(0, Math.min(1, t ?? 0)); // what was expected stays paper, so that the eye finds what was not
  chip.style.background = deep < 0.03 ? "none" : `rgb(${shadeOf(t).join(" ")} / ${0.15 + 0.85 * deep})`;
  const [change, before, after] = darkPage() ? [0.645, "#fff", "#000"] : [0.755, deep > 0.7 ? "#000" : "", "#fff"]; // contrast of 4.5
  chip.style.color = deep > change ? after : deep < 0.03 ? "" : before;
};
// What the shades mean: `low` for paper, `high` for the deepest.
const keyOf = (low, high) => [
  make("span", {}, low),
  ...[0.1, 0.4, 0.7, 1].map((t) => {
    const swatch = make("i", { class: "swatch" });
    shadeChip(swatch, t);
    return swatch;
  }),
  make("span", {}, high),
];
const fillChip = (chip, text) => {
  chip.textContent = text === "\n" ? "↵\n" : text;
  chip.classList.toggle("break", text === "\n");
};
const chipOf = (text) => {
  const chip = make("span", { class: "chip" });
  fillChip(chip, text);
  return chip;
};
// The chip of the next token. One without text is a part of a character that the next tokens complete: they share a chip,
// which shows "…" until then. data-at: the index of its first token; data-count: how many it has.
const addToken = (chips, text) => {
  const last = chips.lastElementChild;
  let chip = last;
  if (!last?.classList.contains("open")) {
    chip = chips.appendChild(chipOf(""));
    chip.dataset.at = +(last?.dataset.at ?? 0) + +(last?.dataset.count ?? 0);
    chip.dataset.count = 0;
  }
  chip.dataset.count = +chip.dataset.count + 1;
  fillChip(chip, text || "…");
  chip.classList.toggle("open", !text);
  return chip;
};
// The indices of its tokens.
const tokensOf = (chip) => Array.from({ length: +chip.dataset.count }, (_, k) => +chip.dataset.at + k);
// Which of its tokens a click chooses: the first, then the one after the one that was chosen.
const clicked = (chip, chosen) => {
  const all = tokensOf(chip);
  return all[(all.indexOf(chosen) + 1) % all.length];
};
// What a chip's title says is said below the chips as well, for the one pointed at, or gone to with the arrow keys.
const walkable = (chips) => {
  const readout = make("p", { class: "caption num walked", role: "status" });
  let at = -1;
  const go = (k) => {
    const all = [...chips.querySelectorAll(".chip")];
    at = Math.min(k, all.length - 1);
    all.forEach((chip, i) => chip.classList.toggle("on", i === at));
    readout.textContent = at < 0 ? "" : `“${all[at].textContent.trim() || "space"}” ${all[at].title}`;
  };
  const keys = { ArrowRight: () => at + 1, ArrowLeft: () => Math.max(0, at - 1), Home: () => 0, End: () => Infinity };
  chips.tabIndex = 0;
  chips.setAttribute("role", "group");
  chips.addEventListener("keydown", (event) => {
    if (event.key in keys) {
      event.preventDefault();
      go(keys[event.key]());
    }
  });
  chips.addEventListener("pointerover", (event) => {
    const chip = event.target.closest(".chip");
    if (chip) go([...chips.querySelectorAll(".chip")].indexOf(chip));
  });
  for (const name of ["pointerleave", "blur"]) chips.addEventListener(name, () => go(-1));
  return readout;
};
