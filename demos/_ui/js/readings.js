// What a reader of scenes sees in a picture, as a sentence in an element. read: {things: [[text, whether it is there, null where
// that is not known]], missed: texts}.
const readings = (place, subject, { things, missed }) => {
  const list = things.length ? [] : ["nothing"];
  things.forEach(([text, right], i) => {
    const mark = right === null ? "" : right ? " ✓" : " ✗";
    list.push(i ? ", " : "", make(right === null ? "span" : right ? "b" : "s", {}, text + mark));
  });
  if (missed.length) list.push(`. Not read: ${missed.join(", ")}`);
  place.replaceChildren(`${subject} `, ...list, ".");
};
