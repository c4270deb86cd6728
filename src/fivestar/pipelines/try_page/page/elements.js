/* What the page is built of. Text from data only ever becomes text, never markup. */

/* An element with properties (a class, handlers, aria-...) and children: elements or texts. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter(child => child !== null));
  return made;
}

/* Stars to rate with: a click or a tap, or arrow keys and Enter, or the digit of a star. */
function starButtons(label, levels, given, rate) {
  const group = element("div", {class: "stars", role: "radiogroup", "aria-label": label});
  const buttons = levels.map(level => element("button", {
    type: "button", role: "radio", class: "star", title: String(level),
    "aria-label": `${level} of ${levels.at(-1)}`, onclick: () => rate(level),
  }));
  group.append(...buttons);
  group.addEventListener("keydown", event => {
    const at = buttons.indexOf(document.activeElement), last = buttons.length - 1;
    const to = {
      ArrowRight: Math.min(at + 1, last), ArrowUp: Math.min(at + 1, last),
      ArrowLeft: Math.max(at - 1, 0), ArrowDown: Math.max(at - 1, 0), Home: 0, End: last,
    }[event.key];
    if (to !== undefined) {
      buttons[to].focus();
      event.preventDefault();
    } else if (!event.ctrlKey && !event.metaKey && !event.altKey
               && levels.map(String).includes(event.key)) {
      rate(Number(event.key));
    }
  });
  showGiven(group, levels, given);
  return group;
}

/* Mark the star that was given, or none. The marked one, or else the first, is in the tab order. */
function showGiven(group, levels, given) {
  const chosen = levels.indexOf(given);
  [...group.children].forEach((button, at) => {
    button.setAttribute("aria-checked", String(at === chosen));
    button.classList.toggle("full", at <= chosen);
    button.tabIndex = at === Math.max(chosen, 0) ? 0 : -1;
  });
}

/* A prediction as part of five stars, and in figures. */
function meter(value, highest) {
  const part = Math.max(0, Math.min(1, value / highest));
  return element("span", {class: "prediction"},
    element("span", {class: "meter", style: `--part: ${(100 * part).toFixed(1)}%`,
      "aria-hidden": "true"}),
    element("b", {}, value.toFixed(2)));
}

function titleOf(contents, item) {
  const year = contents.years[item], title = contents.titles[item];
  return year === null || title.endsWith(`(${year})`) ? title : `${title} (${year})`;
}

/* The title in an element, its year a little paler. */
function titleElement(contents, item) {
  const title = contents.titles[item], shown = titleOf(contents, item);
  return element("span", {class: "title"}, title,
    shown === title ? null : element("span", {class: "year"}, shown.slice(title.length)));
}

function signed(value) {
  return (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(2);
}
