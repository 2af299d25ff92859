// Home. value: [{id, title, headline, text}], one card a technique; its picture is made by its own model when the page is
// there: server.picture gives {image (PNG), alt, and a text for each column "below"} or {words: [[text, opacity]]} or {dots, alt}.
const view = (found) => {
  if (found.image) {
    const image = make("img", { class: "pixels", src: "data:image/png;base64," + found.image, alt: found.alt });
    if (!found.below) return image;
    const both = make("div", { class: "both" }),
      row = make("div", { class: "below" });
    row.append(...found.below.map((text) => make("span", {}, text)));
    both.append(image, row);
    return both;
  }
  if (found.words) {
    const line = make("p");
    line.append(
      ...found.words.map(([text, opacity]) => {
        const span = make("span", {}, text);
        span.style.opacity = opacity;
        return span;
      }),
    );
    return line;
  }
  const svg = makeSvg("svg", { viewBox: "0 0 300 92", role: "img", "aria-label": found.alt });
  for (const [cx, cy, ink] of found.dots) svg.append(makeSvg("circle", { cx, cy, r: 1.6, fill: `var(${ink})` }));
  return svg;
};
const fill = async (places) => {
  for (const [id, place] of places) {
    const answer = await server.picture({ id }); // a technique whose checkpoint is missing says so in its own tab
    if (answer?.ok) place.replaceChildren(view(answer.ok));
  }
};
const places = props.value.map(({ id, title, headline, text }) => {
  const card = make("button", { type: "button", class: "card technique" }),
    place = make("div", { class: "view" });
  card.append(make("h3", {}, title), place, make("b", {}, headline), make("p", {}, text));
  card.addEventListener("click", () => genai.select(id));
  $(".grid").append(card);
  return [id, place];
});
fill(places);
