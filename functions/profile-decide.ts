// functions: the last step of a profile: what follows from it.
// in: a run with its report · out: the decision in the report, the operation ended, capacity and limit as metrics
import { PoisonError } from '../lib/errors.ts';
import { ProfileInput } from '../lib/model/profile-machine.ts';
import type { ProfileReport } from '../lib/model/profile-report.ts';
import type { MetricPoint } from '../lib/ports.ts';
import { type Task, task } from './shell.ts';

interface Decided {
  readonly kind: 'decided';
  readonly status: 'succeeded' | 'failed';
  readonly decision: string;
}

/** What a person reads in the operation. The planner takes the measured capacity from the report by itself (functions/measured-capacity.ts). */
const decisionOf = ({ findings, ended, hostId }: ProfileReport): { status: Decided['status']; decision: string } => {
  if (findings.state === 'not-enough')
    return {
      status: 'failed',
      decision: `Nothing was learnt: ${findings.detail} ${ended === null ? `${hostId} never began.` : `The run ended by ${ended.by}: ${ended.detail}.`}`,
    };
  const [first, ...others] = findings.recommendations;
  const more = others.length === 0 ? '' : ` Also: ${others.map(({ kind }) => kind).join(', ')}.`;
  return {
    status: 'succeeded',
    decision: `${findings.limitReason} ${first === undefined ? 'The load is not known, so that nothing is recommended.' : `${first.kind}: ${first.reason}${more}`}`,
  };
};

export const profileDecide = {
  name: 'profile-decide',
  input: ProfileInput,
  run: async ({ operationId, application, streamName }, { ports, nowMs, signal }): Promise<Decided> => {
    const group = { application, streamName };
    const report = await ports.profileReports.get(group, operationId, signal);
    if (report === null) throw new PoisonError(`profile ${operationId} has no report`);
    const { status, decision } = decisionOf(report);
    await ports.profileReports.put({ ...report, decision }, signal);
    const dimensions = { Application: application, StreamName: streamName };
    const { capacity, utilizationForeseen } = report.findings;
    const point = (name: string, value: number, unit: MetricPoint['unit']): MetricPoint => ({
      name,
      value,
      unit,
      dimensions,
      atMs: nowMs,
    });
    await ports.metrics.publish(
      [
        point('Profiles', 1, 'Count'),
        ...(capacity === null ? [] : [point('MeasuredCapacity', capacity.at.recordsPerSec, 'Count/Second')]),
        ...(utilizationForeseen === null ? [] : [point('MeasuredUtilization', utilizationForeseen, 'None')]),
      ],
      signal,
    );
    if ((await ports.operations.get(group, operationId, signal)) !== null)
      await ports.operations.update(group, operationId, { status, result: decision, endedAtMs: nowMs }, signal);
    return { kind: 'decided', status, decision };
  },
} satisfies Task<typeof ProfileInput, Decided>;

export const handler = task(profileDecide);
