// Search. value: {settings {model, collection, terms: [[weight, kind, value]], fold, plant, results, filters}, hits: [{id,
// similarity, caption, image, alike, true}], thumbs: {id: image}, summary, store, unknown, ms, of, models, filters, ...}
let value = null,
  settings = null,
  terms = [],
  chosen = null,
  captions = null;
const ours = () => ["gallery", "sample"].includes(settings.collection);
const src = (image) => `data:image/jpeg;base64,${image}`;
const filterNames = () => Object.keys(value.filters);
const asked = () => ({
  model: $(".model").value || settings.model,
  collection: ours() ? (value.ours.includes($(".model").value) ? "gallery" : "sample") : settings.collection,
  terms,
  fold: $(".fold").checked,
  plant: $(".plant").checked,
  results: +$(".results").value,
  ...Object.fromEntries(filterNames().map((name) => [name, $(`.filter-${name}`)?.value ?? ""])),
});
const wordless = ([, kind, v]) => kind === "text" && !/[\p{L}\p{N}]/u.test(v);
const look = latestOnly(async () => {
  if (terms.some(wordless)) {
    const added = terms.length > 1 && !terms.some((term) => wordless(term) && term[2]); // it waits for its words
    say(added ? "" : "Describe what you look for in words, as in “a small red circle”.");
    return;
  }
  const next = await askOfStage(server.show, asked());
  if (next) {
    value = next;
    settings = next.settings;
    shows(settings);
    results();
  }
});

// --- the query ---
const termRow = (term, k) => {
  const [weight, kind, content] = term,
    row = make("li");
  if (kind === "text") {
    const input = make("input", { type: "text", "aria-label": `Words ${k + 1}`, spellcheck: "false" });
    input.value = content;
    input.addEventListener("input", () => {
      term[2] = input.value;
      captions = null;
      look();
    });
    row.append(input);
  } else
    row.append(
      make("img", {
        src: src(kind === "picture" ? content : (value.thumbs[content] ?? thumbs[content] ?? "")),
        alt: "A picture of the query",
      }),
    );
  const drop = make("button", { type: "button", title: "Remove", "aria-label": `Remove term ${k + 1}` }, "✕");
  drop.disabled = terms.length === 1;
  drop.addEventListener("click", () => {
    terms.splice(k, 1);
    captions = null;
    query();
    look();
  });
  const weigh = make("label", { class: "weigh" }),
    slider = make("input", { type: "range", min: -1, max: 1, step: 0.05, "aria-label": `Weight of term ${k + 1}` }),
    out = make("output", {}, signed(weight));
  slider.value = weight;
  slider.addEventListener("input", () => {
    term[0] = +slider.value;
    out.textContent = signed(term[0]);
    look();
  });
  weigh.append(slider, out);
  row.append(drop);
  if (terms.length > 1) row.append(weigh);
  return row;
};
const signed = (v) => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(2)}`;
const thumbs = {};
const query = () => {
  $(".terms").replaceChildren(...terms.map(termRow));
  for (const name of ["more", "less"]) $("." + name).disabled = terms.length > 5;
};
const add = (weight, kind, content) => {
  if (terms.length > 5) {
    say("A query has at most six terms.");
    return;
  }
  if (kind === "scene") thumbs[content] = value.hits.find((hit) => hit.id === content)?.image;
  terms.push([weight, kind, content]);
  query();
  look();
  if (kind === "text") [...element.querySelectorAll(".terms input[type=text]")].at(-1).focus();
};
$(".more").addEventListener("click", () => add(1, "text", ""));
$(".less").addEventListener("click", () => add(-0.5, "text", ""));
acceptFiles($(".terms"), $(".own"), async (png) => {
  const small = await ask(server.shrink, { png });
  if (small) add(1, "picture", small);
});
for (const name of ["fold", "plant", "results"]) $("." + name).addEventListener("change", () => look());
$(".model").addEventListener("change", () => look());
const menus = () => {
  if ($(".model").children.length !== Object.keys(value.models).length) {
    const models = settings.model in value.models ? value.models : { [settings.model]: settings.model };
    $(".model").replaceChildren(
      ...Object.entries(models).map(([name, title]) => make("option", { value: name }, title)),
    );
    $(".filters").replaceChildren(
      ...filterNames().map((name) => {
        const label = make("label", { class: "field" }, name === "things" ? "how many things" : name),
          select = make("select", { class: `filter-${name}` });
        select.append(
          make("option", { value: "" }, "any"),
          ...value.filters[name].map((option) => make("option", { value: option }, option)),
        );
        select.addEventListener("change", () => look());
        label.append(select);
        return label;
      }),
    );
  }
  element.querySelectorAll(".worlds").forEach((part) => {
    part.hidden = !ours();
  });
  $(".models").hidden = !ours();
  $(".model").value = settings.model;
  $(".fold").checked = settings.fold;
  $(".plant").checked = settings.plant;
  $(".results").value = settings.results;
  for (const name of filterNames()) $(`.filter-${name}`).value = settings[name];
  if (filterNames().some((name) => settings[name])) $("details.worlds").open = true; // never a filter that is not seen
};

// --- the results ---
const results = () => {
  $(".note").textContent = `${value.summary} The search took ${value.ms.toFixed(1)} ms.`;
  $(".strange").textContent = value.unknown.length
    ? `Not in the vocabulary, and all the same to this model: ${value.unknown.map((w) => `“${w}”`).join(", ")}.`
    : "";
  $(".store").textContent = value.store;
  $(".found").replaceChildren(
    ...value.hits.map((hit) => {
      const box = make("button", { type: "button", title: hit.caption }),
        line = make("span", { class: "line" });
      box.append(make("img", { src: src(hit.image), alt: hit.caption || "a picture" }));
      line.append(
        make("span", {}, hit.similarity.toFixed(3)),
        make(
          "span",
          hit.true === null ? {} : { class: hit.true ? "right" : "wrong" },
          hit.true === null ? "" : hit.true ? "✓ true" : "✗ false",
        ),
      );
      box.append(line);
      if (!ours()) box.append(make("span", { class: "name" }, hit.caption));
      if (hit.alike) box.append(make("span", {}, `+ ${hit.alike} alike`));
      box.classList.toggle("on", hit.id === chosen);
      box.addEventListener("click", () => choose(hit.id));
      return box;
    }),
  );
  if (!value.hits.length)
    $(".found").replaceChildren(
      make("p", { class: "empty" }, "No picture passes these filters: set one of them back to “any”."),
    );
  if (!value.hits.some((hit) => hit.id === chosen)) chosen = value.hits[0]?.id ?? null;
  mark();
  reason();
  table();
};
const mark = () =>
  [...element.querySelectorAll(".found button")].forEach((box, k) =>
    box.classList.toggle("on", value.hits[k]?.id === chosen),
  );
const choose = (id) => {
  chosen = id;
  mark();
  reason();
  comeIntoView($(".why"), "nearest");
};
$(".found").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key],
    at = value.hits.findIndex((hit) => hit.id === chosen);
  if (step && value.hits[at + step]) {
    event.preventDefault();
    choose(value.hits[at + step].id);
  }
});
for (const [name, act] of Object.entries({
  like: () => {
    terms = [];
    add(1, "scene", chosen);
  },
  plus: () => add(1, "scene", chosen),
  minus: () => add(-0.5, "scene", chosen),
}))
  $("." + name).addEventListener("click", () => {
    captions = null;
    act();
  });

// --- why ---
const reason = latestOnly(async () => {
  const id = chosen;
  $(".why").hidden = id === null;
  if (id === null) return;
  const found = await askOfStage(server.why, { ...settings, id }),
    hit = value.hits.find((one) => one.id === id);
  if (found && hit && id === chosen) explain(found, hit);
});
const explain = (found, hit) => {
  const canvas = $("canvas"),
    pen = canvas.getContext("2d"),
    image = new Image(),
    side = Math.sqrt(found.relevance.length);
  const most = Math.max(0.02, ...found.relevance.map(Math.abs)),
    [blue, orange] = [colour("--real"), colour("--made")];
  canvas.setAttribute("aria-label", `Which parts of the picture speak for the query: ${hit.caption || "own picture"}`);
  image.onload = () => {
    const scale = Math.max(192 / image.width, 192 / image.height);
    pen.globalAlpha = 1;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(
      image,
      (192 - image.width * scale) / 2,
      (192 - image.height * scale) / 2,
      image.width * scale,
      image.height * scale,
    );
    pen.fillStyle = "rgb(128 128 128 / .45)";
    pen.fillRect(0, 0, 192, 192);
    const small = make("canvas", { width: side, height: side }),
      dots = small.getContext("2d");
    found.relevance.forEach((v, k) => {
      dots.globalAlpha = (0.8 * Math.abs(v)) / most;
      dots.fillStyle = v > 0 ? orange : blue;
      dots.fillRect(k % side, Math.floor(k / side), 1, 1);
    });
    pen.drawImage(small, 0, 0, 192, 192); // smoothed, as the spots that hid the parts were soft
  };
  image.src = src(hit.image);
  $(".is").textContent =
    `${hit.caption ? hit.caption[0].toUpperCase() + hit.caption.slice(1) + ". " : ""}Similarity to the whole query: ${found.similarity.toFixed(3)}.`;
  const reach = Math.max(0.05, ...found.words.flatMap(([, , words]) => words.map(([, v]) => Math.abs(v))));
  $(".words").replaceChildren(
    ...found.words.map(([text, , words]) => {
      const line = make("div", {
        class: "sentence",
        role: "img",
        "aria-label": `What each word of “${text}” contributes`,
      });
      line.append(
        ...words.map(([word, v]) => {
          const box = make("span", {
              class: "word",
              title: `without “${word}” the similarity ${v < 0 ? "rises" : "falls"} by ${Math.abs(v).toFixed(3)}`,
            }),
            bar = make("i", { class: v < 0 ? "against" : "" });
          bar.style.height = `${Math.round((44 * Math.abs(v)) / reach) + 1}px`;
          box.append(bar, make("span", {}, word), make("small", {}, `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(2)}`));
          return box;
        }),
      );
      return line;
    }),
  );
  if (found.words.length)
    $(".words").append(
      make("p", { class: "caption" }, "Leave a word out: how far does the similarity fall (orange), or rise (blue)?"),
    );
};
const table = latestOnly(async () => {
  const ids = value.hits.slice(0, 6).map((hit) => hit.id),
    shownHits = value.hits;
  $(".matrix").hidden = !ids.length;
  if (!ids.length) return;
  const found = await askOfStage(server.matrix, { ...settings, ids, captions });
  if (!found || shownHits !== value.hits) return;
  const all = found.cosines.flat(),
    low = Math.min(...all),
    high = Math.max(...all),
    head = make("tr");
  head.append(make("th"), ...found.captions.map((caption) => make("th", {}, caption)));
  $("table").replaceChildren(
    head,
    ...found.ids.map((id, i) => {
      const row = make("tr"),
        first = make("td"),
        hit = shownHits.find((one) => one.id === id);
      first.append(make("img", { src: src(hit.image), alt: hit.caption || "a picture" }));
      row.append(
        first,
        ...found.cosines[i].map((v, j) => {
          const t = (v - low) / Math.max(1e-6, high - low),
            cell = make("td", {}, `${v.toFixed(2)}${found.true[i][j] ? " ✓" : ""}`);
          const ink = viridis(1 - t),
            linear = ink.map((c) => (c / 255) ** 2.2),
            light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
          cell.style.background = `rgb(${ink})`;
          cell.style.color = light > 0.18 ? "#000" : "#fff"; // the one with more contrast
          return cell;
        }),
      );
      return row;
    }),
  );
  if (document.activeElement !== $("textarea")) $("textarea").value = found.captions.join("\n");
});
let waiting = null;
$("textarea").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const lines = $("textarea")
      .value.split("\n")
      .filter((line) => /[\p{L}\p{N}]/u.test(line));
    captions = lines.length ? lines.slice(0, 8) : null;
    table();
  }, 250);
});

const show = () => {
  if (!props.value?.hits) return;
  value = props.value;
  settings = value.settings;
  captions = null;
  terms = settings.terms.map((term) => [...term]);
  menus();
  query();
  results();
};
if (part) part.shown = () => ({ chosen, captions });
watchRuns(show); // a value that the server pushes, as when pictures have been added
loadInitial(show);
