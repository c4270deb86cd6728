/* The page: what was rated, what follows from it, and showing both. */

const contents = JSON.parse(document.getElementById("contents").textContent);
const regression = new Regression(contents);
const questions = new Questions(contents.questions, regression);
const search = new Search(contents.titles, contents.years);
const HIGHEST = contents.levels.at(-1);
const N_FOUND = 6, N_REASONS = 2, N_PARTS = 8;
const N_BEST = matchMedia("(max-width: 56rem)").matches ? 5 : 10;
const COARSE = 0.005;  // a change that the figures do not show

const ratings = new Map();   // item to what was given
const guesses = new Map();   // item to what was predicted before it was rated
const skipped = new Set();   // items asked for and not known
const opened = new Set();    // items whose sum is shown
let nBest = N_BEST;
let outcome = consequences();
let before = null;           // the predictions before the latest rating

/* Everything that follows from the ratings. */
function consequences() {
  const solution = regression.solve(ratings);
  const predicted = regression.predictAll(solution);
  const best = bestUnseen(predicted, nBest);
  const reasons = new Map(best.map(item => [item, regression.contributions(solution, item)]));
  return {predicted, best, reasons, question: questions.next([...ratings.keys()], skipped)};
}

/* The n items with the highest predictions that are not rated and have enough ratings. */
function bestUnseen(predicted, n) {
  const best = [];
  for (let item = 0; item < predicted.length; item++) {
    if (contents.n_ratings[item] < contents.min_ratings || ratings.has(item)) continue;
    if (best.length === n && predicted[item] <= predicted[best[n - 1]]) continue;
    let at = best.length;
    while (at > 0 && predicted[best[at - 1]] < predicted[item]) at--;
    best.splice(at, 0, item);
    if (best.length > n) best.pop();
  }
  return best;
}

/* A prediction as people are told it. */
function told(score) {
  if (contents.ends) score = Math.min(Math.max(score, contents.ends[0]), contents.ends[1]);
  return contents.whole_stars ? Math.round(score) : score;
}

// -- what one can do

function rate(item, level) {
  if (!ratings.has(item)) {
    if (ratings.size === regression.mostRatings) {
      say(`No more than ${regression.mostRatings} ratings fit in here.`);
      return;
    }
    guesses.set(item, told(outcome.predicted[item]));
  }
  ratings.set(item, level);
  skipped.delete(item);
  update(`${titleOf(contents, item)}: ${level} of ${HIGHEST}.`);
}

function remove(item) {
  ratings.delete(item);
  guesses.delete(item);
  update(`${titleOf(contents, item)}: rating removed.`);
}

function skip() {
  skipped.add(outcome.question);
  update("");
}

function startOver() {
  for (const kept of [ratings, guesses, skipped, opened]) kept.clear();
  update("All ratings removed.");
}

function update(news) {
  before = outcome.predicted;
  outcome = consequences();
  show();
  const [first] = outcome.best, asked = outcome.question;
  const best = first === undefined ? "" : ` Best for you: ${titleOf(contents, first)}.`;
  say(`${news}${best}${asked === null ? "" : ` Next: ${titleOf(contents, asked)}.`}`);
}

/* For those who cannot see what has changed. */
function say(text) {
  document.getElementById("news").textContent = text;
}

// -- what is shown

function show() {
  showQuestion();
  showFound();
  showRated();
  showBest();
}

function stars(item) {
  return starButtons(`Rate ${titleOf(contents, item)}`, contents.levels, ratings.get(item),
    level => rate(item, level));
}

function predictionOf(item) {
  return meter(told(outcome.predicted[item]), HIGHEST);
}

function showQuestion() {
  const place = document.getElementById("question"), item = outcome.question;
  if (place.dataset.item === String(item)) {
    place.querySelector(".prediction")?.replaceWith(predictionOf(item));
    return;
  }
  const hadFocus = place.contains(document.activeElement);
  place.dataset.item = item;
  if (item === null) {
    place.replaceChildren(element("p", {}, "No more questions. Search for titles that you know."));
    return;
  }
  const buttons = stars(item);
  place.replaceChildren(
    element("p", {class: "asked"}, titleElement(contents, item)),
    buttons,
    element("div", {class: "row"},
      element("span", {class: "note"}, "predicted ", predictionOf(item)),
      element("button", {type: "button", class: "plain", onclick: skip}, "I don\u2019t know it")));
  if (hadFocus) buttons.querySelector("[tabindex='0']").focus();
}

/* Rows stay while the text is the same, so that the focus does. */
function showFound() {
  const place = document.getElementById("found"), asked = document.getElementById("search").value;
  if (place.dataset.asked !== asked) {
    place.dataset.asked = asked;
    place.replaceChildren(...search.find(asked, N_FOUND).map(item => rowOf(item)));
    const n = place.children.length, none = asked.trim() && !n;
    document.getElementById("found-note").textContent = none ? "Nothing is like it." : "";
    if (n) say(`${n} titles`);
  }
  for (const row of place.children) refreshRow(row);
}

/* A row of a title with its stars; what depends on ratings is filled in by refreshRow. */
function rowOf(item) {
  return element("li", {"data-item": item},
    element("div", {class: "row"}, titleElement(contents, item), stars(item)),
    element("div", {class: "row note"}));
}

function refreshRow(row) {
  const item = Number(row.dataset.item), given = ratings.get(item);
  showGiven(row.querySelector(".stars"), contents.levels, given);
  const note = row.querySelector(".note");
  if (given === undefined) {
    note.replaceChildren(element("span", {}, "predicted ", predictionOf(item)));
    return;
  }
  const focused = note.contains(document.activeElement);
  const button = element("button", {
    type: "button", class: "plain", "aria-label": `Remove the rating of ${titleOf(contents, item)}`,
    onclick: () => remove(item),
  }, "Remove");
  note.replaceChildren(element("span", {}, `predicted ${guesses.get(item).toFixed(2)} before you rated it`), button);
  if (focused) button.focus();
}

/* The latest first; rows of what was rated before stay where they are. */
function showRated() {
  const place = document.getElementById("rated");
  const rows = new Map([...place.children].map(row => [Number(row.dataset.item), row]));
  const hadFocus = place.contains(document.activeElement);
  for (const [item, row] of rows) if (!ratings.has(item)) row.remove();
  for (const item of ratings.keys()) if (!rows.has(item)) place.prepend(rowOf(item));
  for (const row of place.children) refreshRow(row);
  const n = ratings.size, section = document.getElementById("your-ratings");
  section.hidden = !n;
  document.getElementById("n-rated").textContent = n;
  if (hadFocus && !place.contains(document.activeElement)) {
    (place.querySelector("[tabindex='0']") || document.getElementById("search")).focus();
  }
}

function showBest() {
  const place = document.getElementById("best"), focused = document.activeElement?.dataset?.key;
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren(...outcome.best.map(bestRow));
  if (hadFocus) {
    const again = [...place.querySelectorAll("[data-key]")].find(e => e.dataset.key === focused);
    (again || document.getElementById("best-heading")).focus();
  }
  const heading = ratings.size ? "Best for you" : "Best for anyone";
  document.getElementById("best-heading").textContent = heading;
  document.getElementById("best-note").textContent = outcome.best.length
    ? (ratings.size ? "Coloured figures are what your latest rating has changed."
      : "Rate a title, and this list becomes yours.")
    : `No title here has ${contents.min_ratings} ratings.`;
  document.getElementById("more").hidden = outcome.best.length < nBest;
}

function bestRow(item) {
  const parts = outcome.reasons.get(item), key = `sum-${item}`;
  const change = before === null ? 0 : told(outcome.predicted[item]) - told(before[item]);
  const summary = element("summary", {"data-key": key},
    ratings.size ? "How it adds up" : "Seen it?");
  const sum = element("details", opened.has(item) ? {open: ""} : {}, summary,
    ratings.size ? sumTable(item, parts) : null,
    element("div", {class: "row rate"}, "Seen it? Rate it: ", stars(item)));
  sum.addEventListener("toggle", () => (sum.open ? opened.add(item) : opened.delete(item)));
  return element("li", {"data-item": item},
    element("div", {class: "row"}, titleElement(contents, item),
      element("span", {class: "figures"}, changeElement(change), predictionOf(item))),
    reasonElement(item, parts), sum);
}

function changeElement(change) {
  if (Math.abs(change) < COARSE) return null;
  const way = change > 0 ? "up" : "down";
  return element("span", {class: `change ${way}`, title: "by the latest rating"}, signed(change));
}

/* The ratings that speak most for it, or else how many people rated it. */
function reasonElement(item, parts) {
  const reason = element("p", {class: "reason"});
  const pro = parts.filter(part => part.adds >= COARSE);
  pro.sort((one, other) => other.adds - one.adds);
  if (!pro.length) {
    const people = `Rated by ${contents.n_ratings[item].toLocaleString("en")} people.`;
    reason.append(ratings.size ? `${people} No rating of yours speaks for it.` : people);
    return reason;
  }
  reason.append("Because you gave ");
  pro.slice(0, N_REASONS).forEach(({item, adds}, at, all) => {
    if (at) reason.append(at === all.length - 1 ? " and " : ", ");
    reason.append(element("cite", {}, contents.titles[item]),
      `\u00a0${ratings.get(item)}\u00a0(${signed(adds)})`);
  });
  return reason;
}

/* From what anyone is predicted, by all own ratings, to the prediction. */
function sumTable(item, parts) {
  const strongest = [...parts].sort((one, other) => Math.abs(other.adds) - Math.abs(one.adds));
  const first = strongest.slice(0, N_PARTS), rest = strongest.slice(N_PARTS);
  const score = outcome.predicted[item], kept = told(score);
  const rows = [
    ["Before any of your ratings", regression.base(item).toFixed(2)],
    ...first.map(({item: own, adds}) =>
      [`${titleOf(contents, own)}: you gave ${ratings.get(own)}`, signed(adds)]),
  ];
  if (rest.length) {
    const adds = rest.reduce((sum, part) => sum + part.adds, 0);
    rows.push([`${rest.length} other rating${rest.length > 1 ? "s" : ""}`, signed(adds)]);
  }
  rows.push(["Prediction", kept === score ? score.toFixed(2)
    : `${score.toFixed(2)}, shown as ${kept.toFixed(2)}`]);
  return element("table", {}, element("tbody", {}, ...rows.map(([what, value]) =>
    element("tr", {}, element("th", {scope: "row"}, what), element("td", {}, value)))));
}

document.getElementById("search").addEventListener("input", showFound);
document.getElementById("search").addEventListener("keydown", event => {
  if (event.key === "Escape") {
    event.target.value = "";
    showFound();
  }
});
document.getElementById("start-over").addEventListener("click", () => {
  startOver();
  document.getElementById("search").focus();
});
document.getElementById("more").addEventListener("click", () => {
  nBest += N_BEST;
  outcome = consequences();
  showBest();
});
show();
