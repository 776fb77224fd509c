import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { planText } from '../../bin/tables.ts';
import { Plan } from '../../lib/model/plan.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { NO_LEAD_TIMES, NOW, type WorldSpec, worldOf } from '../plan/world.ts';

const textOf = (spec: WorldSpec, why: boolean): string[] => {
  const { fleet, forecasts, policy } = worldOf(spec);
  const plan = z.encode(Plan, decidePlan(fleet, forecasts, policy, NO_LEAD_TIMES, NOW));
  return planText({ plans: [plan] }, why).split('\n');
};
const workers = [{ workerId: 'w1', capacityRecords: 90_000 }];

describe('planText', () => {
  it('shows each action with its reason', () => {
    const text = textOf({ shards: Array.from({ length: 8 }, () => ({ now: 400, foreseen: 800 })), workers }, false);
    expect(text).toEqual([
      'plan of 12:00:00Z, mode act, sent: 1 actions, 0 holds',
      expect.stringMatching(
        /^ {2}resize all shards \(forecast\): 8 splits would take 24 min; one resize of 8 shards to 10 takes 5 min/,
      ),
    ]);
  });

  it('says why with money, risk, holds, lead time, sizes and where the prices come from', () => {
    const text = textOf({ shards: [{ now: 400, foreseen: 1200 }, { now: 350 }, { now: 900 }], workers }, true);
    expect(text[1]).toMatch(/^ {2}split shardId-000000000002 \(reactive\)/);
    expect(text[2]).toMatch(
      /^ {4}takes about 210 s, costs \$0\.0150 an hour, \$0\.0006 once, avoids what is worth \$0\.17 an hour$/,
    );
    expect(text[3]).toMatch(/^ {2}hold shardId-000000000000 \(stream-busy\): shardId-000000000000 would reach 120 %/);
    expect(text.slice(-4)).toEqual([
      expect.stringMatching(/^ {2}Looks \d+ s ahead/),
      expect.stringMatching(/are wanted(?: now)?, there are 3\.$/),
      expect.stringMatching(/^ {2}1 worker for 3 shards/),
      '  Money by list prices of us-east-1, 2026-11.',
    ]);
  });

  it('says how a proposed plan is approved, and not of one that proposes nothing', () => {
    const recommending = { workers, policy: { mode: 'recommend' as const } };
    expect(textOf({ shards: [{ now: 900 }], ...recommending }, false)).toEqual([
      'plan of 12:00:00Z, mode recommend, proposed: 1 actions, 0 holds',
      expect.stringMatching(/^ {2}split shardId-000000000000/),
      expect.stringMatching(/^ {2}waits for approval: penumbra approve [\w-]+$/),
    ]);
    expect(textOf({ shards: [{ now: 400 }], ...recommending }, false)).toHaveLength(1);
  });

  it('says what a merge saves and risks', () => {
    const text = textOf({ shards: [{ now: 50 }, { now: 50 }], workers }, true);
    expect(text[2]).toBe('    takes about 210 s, saves $0.0150 an hour, $0.0006 once, avoids what is worth $0.00 an hour');
  });
});
