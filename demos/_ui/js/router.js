// Opens what the address names, when the page is loaded and when the browser goes back: the tab and the part through
// Gradio (`select`), their settings through the server. props: parts {tab: [part]}, home (whether there is a Home).
genai.first = Object.fromEntries(Object.entries(props.parts).map(([tab, [first]]) => [tab, first]));
// What the event selects in Gradio's tabs: the outer ones, and those of the parts; nothing changes in the others.
genai.selected = ({ tab, part: name }) => {
  const update = (selected) => ({ __type__: "update", selected });
  const inner = Object.entries(props.parts).map(([id, names]) =>
    id === tab && names.includes(name) ? update(name) : undefined,
  );
  const all = props.home ? [update(tab), ...inner] : inner;
  return all.length === 1 ? all[0] : all;
};
const go = (id) => {
  const [tab, name = null] = id.split("/");
  props.value = { tab, part: name };
  trigger("select");
};
genai.select = (id) => {
  genai.enter(id);
  go(genai.current);
  window.scrollTo({ top: 0 });
};
// The part that a link names, where the page knows it: older links may say a name that only the server knows.
const named = ({ tab, part, ...settings }) => {
  if (!Object.hasOwn(props.parts, tab)) return null;
  const names = props.parts[tab],
    unnamed = Object.keys(settings).length ? props.unnamed[tab] : undefined;
  return part === undefined || names.includes(part) ? `${tab}/${part ?? unnamed ?? names[0]}` : null;
};
const openAddress = async () => {
  const query = Object.fromEntries([...new URLSearchParams(location.search)].filter(([key]) => !key.startsWith("__")));
  const home = props.home ? "home" : Object.entries(genai.first)[0].join("/"); // of a tab alone, its first part
  const known = query.tab ? named(/** @type {any} */ (query)) : home;
  const asks = !known || Object.keys(query).some((key) => !["tab", "part"].includes(key) && query.tab);
  const opening = asks ? openLink(query, home, known) : null;
  if (!known) return;
  if (opening) genai.part(known).opening = opening; // its stage waits for the link's value
  genai.at(known);
  go(known);
};
// The settings of a link, and what the stage shows of them.
const openLink = async (query, home, known) => {
  const waiting = setTimeout(() => say("Opening the link …"), 400);
  let answer;
  try {
    answer = await server.open(query);
  } catch {
    answer = undefined;
  }
  clearTimeout(waiting);
  if (known && genai.current !== known) return say(""); // the learner has gone on
  if (!answer?.ok) {
    say(answer ? `This link cannot be used. ${answer.error}` : "The server does not answer. Is it still running?");
    genai.at(home);
    go(home);
    return;
  }
  say("");
  const { tab, part: name, settings, value } = answer.ok,
    id = `${tab}/${name}`;
  if (settings) genai.show(id, { settings, value });
  if (known) return;
  genai.at(id);
  history.replaceState({ id }, "", location.href);
  go(id);
};
window.addEventListener("popstate", openAddress);
openAddress();
