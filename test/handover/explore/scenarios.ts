// test: what the explorer covers in each run of the tests, and what a longer look covers.
// in: nothing · out: scenarios
import type { Scenario } from './world.ts';

const pair = { records: 2, ends: false, workers: ['A', 'B'] } as const;

/** Over a million states together; each scenario is explored to its last state. */
export const scenarios: readonly Scenario[] = [
  { ...pair, name: 'the machine drives, nothing fails', driver: 'machine', records: 3, ends: true, budget: {} },
  {
    ...pair,
    name: 'the machine drives; any one of: a crash, a message lost, late or doubled, the execution killed, a flawed copy',
    driver: 'machine',
    records: 1,
    ends: true,
    budget: { crash: 1, message: 1, kill: 1, flaw: 1, faults: 1 },
  },
  {
    ...pair,
    name: 'the machine drives; a worker is paused or cut off and comes back; take-overs arrive at any later time',
    driver: 'machine',
    budget: { lapse: 1 },
    slowTakeovers: true,
  },
  { ...pair, name: 'the machine drives while the source stops', driver: 'machine', budget: { stop: 1 } },
  {
    ...pair,
    name: 'the machine drives; a third worker takes over; any one of: a crash, a pause or cut, the execution killed',
    driver: 'machine',
    records: 1,
    workers: ['A', 'B', 'C'],
    budget: { crash: 1, lapse: 1, kill: 1, faults: 1 },
  },
  {
    ...pair,
    name: 'the target drives; any two of: a crash, a pause or cut, a message lost, late or doubled',
    driver: 'target',
    records: 1,
    ends: true,
    budget: { begin: 1, crash: 1, lapse: 1, message: 1, faults: 2 },
  },
  {
    ...pair,
    name: 'the target drives while a worker stops; any one fault; take-overs arrive at any later time',
    driver: 'target',
    budget: { stop: 1, crash: 1, lapse: 1, message: 1, faults: 1 },
    slowTakeovers: true,
  },
  {
    ...pair,
    name: 'the target drives, and drives again; a crash, or a pause or cut',
    driver: 'target',
    budget: { begin: 2, crash: 1, lapse: 1, faults: 1 },
    again: true,
  },
  {
    ...pair,
    name: 'the target drives, and drives again; a message lost, late or doubled',
    driver: 'target',
    budget: { begin: 2, message: 1 },
  },
  {
    ...pair,
    name: 'the target drives while the shard is marked for a reshard; a crash, or a message lost, late or doubled',
    driver: 'target',
    ends: true,
    budget: { begin: 1, mark: 1, crash: 1, message: 1, faults: 1 },
  },
  {
    ...pair,
    name: 'the target drives; four workers, two crashes',
    driver: 'target',
    records: 1,
    workers: ['A', 'B', 'C', 'D'],
    budget: { begin: 1, crash: 2 },
  },
];

/** For a long look, by PENUMBRA_EXPLORE=deep: tens of millions of states. */
export const deepScenarios: readonly Scenario[] = [
  {
    ...pair,
    name: 'deep: the target drives, two records; any two faults',
    driver: 'target',
    ends: true,
    budget: { begin: 1, crash: 1, lapse: 1, message: 1, faults: 2 },
  },
  {
    ...pair,
    name: 'deep: the machine drives; any two faults',
    driver: 'machine',
    records: 1,
    budget: { crash: 1, lapse: 1, message: 1, kill: 1, flaw: 1, faults: 2 },
  },
  {
    ...pair,
    name: 'deep: the target drives; a third worker; any two of: a crash, a pause or cut; late take-overs',
    driver: 'target',
    records: 1,
    workers: ['A', 'B', 'C'],
    budget: { begin: 1, crash: 1, lapse: 1, faults: 2 },
    slowTakeovers: true,
  },
  {
    ...pair,
    name: 'deep: the target drives, and drives again, while a worker stops; any one fault',
    driver: 'target',
    budget: { begin: 2, stop: 1, crash: 1, lapse: 1, message: 1, faults: 1 },
    again: true,
  },
];
