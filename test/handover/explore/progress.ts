// test: whether every state has a way on to a good one.
// in: the steps that happen by themselves, the good states · out: the first state that has none
import type { NumberList } from './state-table.ts';

/** Goes back from the good states along the steps; what it does not come to is stuck. */
export const stuckState = (states: number, from: NumberList, to: NumberList, good: NumberList): number | null => {
  const first = new Int32Array(states + 1);
  for (let i = 0; i < to.length; i += 1) first[to.at(i) + 1] = (first[to.at(i) + 1] ?? 0) + 1;
  for (let i = 0; i < states; i += 1) first[i + 1] = (first[i + 1] ?? 0) + (first[i] ?? 0);
  const filled = first.slice(0, states);
  const sources = new Int32Array(to.length);
  for (let i = 0; i < to.length; i += 1) {
    const target = to.at(i);
    sources[filled[target] ?? 0] = from.at(i);
    filled[target] = (filled[target] ?? 0) + 1;
  }
  const reached = new Uint8Array(states);
  const waiting: number[] = [];
  const reach = (state: number) => {
    if (reached[state] === 1) return;
    reached[state] = 1;
    waiting.push(state);
  };
  for (let i = 0; i < good.length; i += 1) reach(good.at(i));
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop())
    for (let i = first[state] ?? 0; i < (first[state + 1] ?? 0); i += 1) reach(sources[i] ?? 0);
  const stuck = reached.indexOf(0);
  return stuck === -1 ? null : stuck;
};
