// console/trigger-names: what began something, in words.
// in: a trigger of the API · out: how the page calls it
const names: Readonly<Record<string, string>> = {
  forecast: 'foreseen',
  reactive: 'reactive net',
  replication: 'for safety',
  request: 'on request',
  utilization: 'high load',
  tuning: 'a try',
};

/** A trigger that the page does not know is called as the API calls it. */
export const triggerName = (trigger: string): string => names[trigger] ?? trigger;
