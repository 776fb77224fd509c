// console/dom: elements from data. Text is always text, never markup.
// in: a tag, attributes, children · out: an element

export type Child = Node | string | number | null | undefined | false;
type Attributes = Readonly<Record<string, string | number | boolean | null | undefined>>;

const fill = <E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) element.append(child instanceof Node ? child : String(child));
  }
  return element;
};

/** An HTML element. */
export const html = (tag: string, attributes: Attributes = {}, ...children: Child[]): HTMLElement =>
  fill(document.createElement(tag), attributes, children);

/** An SVG element. */
export const svg = (tag: string, attributes: Attributes = {}, ...children: Child[]): SVGElement =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

/** What a section shows while it has nothing to show. */
export const empty = (text: string): HTMLElement => html('p', { class: 'empty' }, text);

/** A table with a header row; cells that start with a digit are set to the right. */
export const table = (caption: string, columns: readonly string[], rows: readonly (readonly Child[])[]): HTMLElement =>
  html(
    'table',
    {},
    html('caption', { class: 'unseen' }, caption),
    html('thead', {}, html('tr', {}, ...columns.map((name) => html('th', { scope: 'col' }, name)))),
    html(
      'tbody',
      {},
      ...rows.map((row) =>
        html(
          'tr',
          {},
          ...row.map((cell) => html('td', typeof cell === 'string' && IS_FIGURE.test(cell) ? { class: 'number' } : {}, cell)),
        ),
      ),
    ),
  );

/** A sentence may begin with a figure, too; it is to wrap. */
const IS_FIGURE = /^[\d.–-].{0,15}$/;

/** Puts new content into a place and keeps what the reader had opened. */
export const show = (id: string, ...children: Child[]): void => {
  const place = document.getElementById(id)!;
  const opened = new Set([...place.querySelectorAll('details[open][data-id]')].map((element) => element.getAttribute('data-id')));
  place.replaceChildren(
    ...children
      .filter((child): child is Node | string => child !== null && child !== undefined && child !== false)
      .map((child) => (child instanceof Node ? child : String(child))),
  );
  for (const details of place.querySelectorAll('details[data-id]'))
    if (opened.has(details.getAttribute('data-id'))) details.setAttribute('open', '');
};

/** A cell of two lines, the second one quiet. */
export const two = (first: Child, ...second: Child[]): HTMLElement =>
  html('div', { class: 'two' }, html('div', {}, first), html('div', { class: 'quiet' }, ...second));
