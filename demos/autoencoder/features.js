// Features of a GPT. value: {settings: {text, at, feature, strength, seed}, letters, levels (how active the feature is on
// each), active [{id, z, on [[letter, share]]}] of the letter `at`, about {id, density, strongest, on, places [{text, levels,
// at}], up, down [[letter, logit]]}, features (how many there are), note}
let value = null,
  now = null, // the settings that are shown
  wanted = null; // those that were asked for, of which there is no answer yet
const legible = (letter) => ({ "\n": "↵", " ": "␣" })[letter] ?? letter;
const mostly = (on) => on.map(([letter, share]) => `${legible(letter)} ${Math.round(100 * share)} %`).join(", ");

const shaded = (chips, letters, levels, most) =>
  [...letters].map((letter, i) => {
    const chip = addToken(chips, letter);
    shadeChip(chip, levels[i] / (most || 1));
    chip.title = levels[i] ? `active with ${levels[i].toFixed(2)}` : "not active";
    return chip;
  });
const bars = (place, rows, sign) => {
  const most = Math.max(...rows.map(([, v]) => sign * v), 1e-6);
  place.replaceChildren(
    ...rows.map(([letter, v]) => {
      const row = make("div", { class: "row num" }),
        bar = make("div", { class: "bar" }),
        full = make("i");
      full.style.width = `${(100 * Math.max(0, sign * v)) / most}%`;
      bar.append(full);
      row.append(
        make("span", {}, legible(letter)),
        bar,
        make("span", {}, `${v > 0 ? "+" : "−"}${Math.abs(v).toFixed(2)}`),
      );
      return row;
    }),
  );
};
const showText = () => {
  const chips = $(".text");
  chips.replaceChildren();
  shaded(chips, value.letters, value.levels, value.about.strongest).forEach((chip, i) => {
    chip.classList.toggle("on", i === now.at);
  });
  $(".left-out").textContent = value.note;
  $(".found").textContent =
    `On “${legible(value.letters[now.at])}”: ${value.active.length} of ${value.features.toLocaleString("en")} features`;
  $(".active").replaceChildren(
    ...value.active.map(({ id, z, on }) => {
      const row = make("button", { type: "button", "aria-pressed": id === now.feature }),
        bar = make("span", { class: "bar" }),
        full = make("i");
      full.style.width = `${(100 * z) / value.active[0].z}%`;
      bar.append(full);
      row.append(make("span", { class: "num id-said" }, `#${id}`), bar, make("span", { class: "num" }, z.toFixed(2)));
      row.append(make("span", { class: "mostly" }, `mostly on ${mostly(on)}`));
      row.addEventListener("click", () => change({ feature: id }));
      return row;
    }),
  );
};
const showFeature = () => {
  const { about } = value;
  for (const name of element.querySelectorAll(".name")) name.textContent = `feature ${about.id}`;
  if (document.activeElement !== $(".id")) $(".id").value = about.id;
  $(".id").max = value.features - 1;
  $(".density").textContent =
    `active on ${shareOf(about.density)} of all letters, at most with ${about.strongest.toFixed(1)}`;
  $(".mostly-said").textContent = about.on.length ? `mostly on ${mostly(about.on)}` : "";
  $(".places").replaceChildren(
    ...(about.places.length
      ? about.places.map((place) => {
          const chips = make("div", { class: "chips" });
          const letters = shaded(chips, place.text.replaceAll("\n", "↵"), place.levels, about.strongest);
          letters[place.at].classList.add("peak");
          chips.prepend(" ".repeat(Math.max(...about.places.map(({ at }) => at)) - place.at)); // so that these line up
          return chips;
        })
      : [make("p", { class: "empty" }, "It is active nowhere in these texts: a dead feature.")]),
  );
  for (const chips of element.querySelectorAll(".places .chips")) chips.scrollLeft = chips.scrollWidth;
  bars($(".up"), about.up, 1);
  bars($(".down"), about.down, -1);
};
const showSteer = async (texts) => {
  $(".strength-said").textContent = now.strength > 0 ? `+${now.strength}` : `${now.strength}`.replace("-", "−");
  $(".usual").textContent = `where it is strongest by itself: ${value.about.strongest.toFixed(1)}`;
  $(".steered-said").textContent = `feature ${now.feature}, strength ${$(".strength-said").textContent}`;
  if (!texts) return;
  const { plain, steered } = texts;
  let same = 0;
  while (same < plain.length && plain[same] === steered[same]) same += 1;
  for (const [place, text] of [
    [$(".plain"), plain],
    [$(".steered"), steered],
  ])
    place.replaceChildren(make("span", { class: "same" }, text.slice(0, same)), make("span", {}, text.slice(same)));
};
const steer = latestOnly(async () => {
  const texts = await askOfStage(server.steer, now);
  if (texts) showSteer(texts);
});
const draw = () => {
  showText();
  showFeature();
  showSteer(null);
};
const look = latestOnly(async (asked) => {
  if (asked !== wanted) return; // a preset, a link or a saved picture came meanwhile
  const answer = await askOfStage(server.show, asked);
  if (asked === wanted) wanted = null;
  if (!answer) return;
  const before = now,
    { strength, seed } = now; // which may have changed meanwhile
  value = answer;
  now = { ...answer.settings, strength, seed }; // as the server has checked them: the letter is one of the text
  shows(now);
  draw();
  if (now.text !== before.text || now.feature !== before.feature) steer();
});
const change = (some) => {
  if (!now) return;
  wanted = { ...(wanted ?? now), ...some };
  look(wanted);
};

let waiting = null;
$(".prompt").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => change({ text: $(".prompt").value }), 200);
});
const choose = (at) => value && change({ at: Math.max(0, Math.min(value.letters.length - 1, at)) });
$(".text").addEventListener("click", (event) => {
  const chip = event.target.closest(".chip");
  if (chip) choose([...$(".text").children].indexOf(chip));
});
$(".text").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step && now) {
    event.preventDefault();
    choose((wanted ?? now).at + step);
  }
});
$(".id").addEventListener("change", () => {
  if ($(".id").value !== "") change({ feature: +$(".id").value });
  else if (now) $(".id").value = now.feature;
});
$(".strength").addEventListener("input", () => {
  if (!now) return;
  now = { ...now, strength: +$(".strength").value };
  shows(now);
  showSteer(null);
  steer();
});
const reseed = (asked) => {
  if (!now) return;
  const seed = Math.max(0, Math.min(2147483647, Math.round(asked)));
  $(".seed").value = seed;
  now = { ...now, seed };
  shows(now);
  steer();
};
$(".seed").addEventListener("change", () => reseed(+$(".seed").value));
$(".again").addEventListener("click", () => now && reseed((now.seed + 1) % 2147483648));
$(".key").replaceChildren(
  ...keyOf("not active", "as strongly as anywhere. Click a letter, or go there with the arrow keys."),
);
const show = () => {
  if (!props.value?.letters) return;
  clearTimeout(waiting);
  value = props.value;
  now = value.settings;
  wanted = null;
  $(".prompt").value = now.text;
  $(".strength").value = now.strength;
  $(".seed").value = now.seed;
  draw();
  steer();
};
loadInitial(show);
