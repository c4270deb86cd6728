/* Titles by what people type; case, accents, punctuation, articles and small slips do not count,
   as in fivestar.ratings.titles. */

const ARTICLES = "the|a|an|le|la|les|l|un|une|der|die|das|el|los|las|il|lo|gli|i";
const TRAILING = new RegExp(`(\\p{L}|\\p{N}),\\s*(${ARTICLES})'?(?=\\s*(\\(|$))`, "iu");
const LEADING = new RegExp(`^(${ARTICLES}) (?=\\S)`);
const SLIPS = [[3, 0], [5, 1], [Infinity, 2]];  // letters up to which so many slips pass

class Search {
  constructor(titles, years) {
    this.names = titles.map(plain);
    this.years = years;
  }

  /* Up to n items that fit, the best first; of equal ones that with the lowest number. A year at
     the end decides among titles that fit the rest. */
  find(asked, n) {
    const text = plain(asked), [, name, year] = /^(.+) (\d{4})$/.exec(text) || [];
    if (!text) return [];
    const found = this.fitting(text);
    if (year) {
      const fitting = this.fitting(name), isOf = item => this.years[item] === Number(year);
      found.push(...fitting.filter(isOf), ...fitting.filter(item => !isOf(item)));
    }
    return (found.length ? [...new Set(found)] : this.similar(name || text)).slice(0, n);
  }

  /* Names that are the text, begin with it, have a word that does, or have all of its words. */
  fitting(text) {
    const groups = [[], [], [], []], words = text.split(" ");
    this.names.forEach((name, item) => {
      if (name === text) groups[0].push(item);
      else if (name.startsWith(text)) groups[1].push(item);
      else if (` ${name}`.includes(` ${text}`)) groups[2].push(item);
      else if (words.every(word => ` ${name}`.includes(` ${word}`))) groups[3].push(item);
    });
    return groups.flat();
  }

  /* Names of which as many letters from the start differ in a few slips only. */
  similar(text) {
    const most = SLIPS.find(([letters]) => text.length <= letters)[1];
    const near = [];
    this.names.forEach((name, item) => {
      const slips = slipsTo(text, name, most);
      if (slips <= most) near.push([slips, item]);
    });
    near.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
    return near.map(([, item]) => item);
  }
}

/* Lower case, no accents, no punctuation, no article before or after. */
function plain(title) {
  const letters = title.toLowerCase().replaceAll("&", " and ").replaceAll("\u2019", "'")
    .normalize("NFKD").replace(/\p{M}/gu, "").trim();
  const words = letters.replace(TRAILING, "$1").replace(/(\p{L}{2})'(?=\p{L})/gu, "$1")
    .match(/[\p{L}\p{N}]+/gu) || [];
  return words.join(" ").replace(LEADING, "");
}

/* Letters to change, add or leave out until the text is a beginning of the name; more than most
   is as good as any number. */
function slipsTo(text, name, most) {
  const end = Math.min(name.length, text.length + most);
  let above = Array.from({length: end + 1}, (_, at) => at);
  for (let row = 1; row <= text.length; row++) {
    const here = [row];
    for (let at = 1; at <= end; at++) {
      const same = text[row - 1] === name[at - 1] ? 0 : 1;
      here[at] = Math.min(above[at - 1] + same, above[at] + 1, here[at - 1] + 1);
    }
    if (Math.min(...here) > most) return Infinity;
    above = here;
  }
  return Math.min(...above);
}
