// functions: every route of the API. infra draws the API from it, the OpenAPI document is written from it, the handlers read their input by it.
// in: nothing · out: data
import { z } from 'zod';
import { occurrencesOf } from '../lib/forecast/occurrences.ts';
import {
  AcceptedResponse,
  ActivateShadowRequest,
  CreateShadowRequest,
  FleetResponse,
  MonitorResponse,
  PredictionsResponse,
  StopShadowRequest,
  StopTuningRequest,
  StreamQuery,
  TryRequest,
  TuningResponse,
  TuningView,
} from '../lib/model/api.ts';
import { EventId, EventRequest, KnownEvent } from '../lib/model/known-event.ts';
import { Operation } from '../lib/model/operation.ts';
import { Plan } from '../lib/model/plan.ts';
import { Policy } from '../lib/model/policy.ts';
import { ProfileReport, ProfileSummary } from '../lib/model/profile-report.ts';
import { PolicyToSet } from '../lib/plan/policy-to-set.ts';
import type { FunctionName } from './needs.ts';

/** One route. `input` holds path, query and body together; handlers answer with `response` as it goes over the wire. */
export interface Route {
  readonly name: FunctionName;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  readonly input: z.ZodType;
  readonly status: 200 | 202;
  readonly response: z.ZodType;
  readonly refusals: readonly (404 | 409)[];
}

const Identifier = z.string().min(1).max(200);

/** What only the cron library can tell: five fields that are none of a cron. */
const ReadableEvent = EventRequest.refine(
  ({ when }) => {
    try {
      occurrencesOf(when, 0, 1);
      return true;
    } catch {
      return false;
    }
  },
  { path: ['when', 'cron'], error: 'must be a cron pattern: minute hour day month weekday' },
);

export const routes = {
  createShadow: {
    name: 'shadow-create',
    method: 'POST',
    path: '/shadow/create',
    summary:
      'Asks a worker for a standby shadow of a shard, or for a profiling shadow, which processes a sample of its keys and measures; without a worker the one with the most room is chosen.',
    input: CreateShadowRequest,
    status: 202,
    response: AcceptedResponse,
    refusals: [404, 409],
  },
  activateShadow: {
    name: 'shadow-activate',
    method: 'POST',
    path: '/shadow/activate',
    summary: 'Hands a shard over to the worker that holds its verified standby shadow.',
    input: ActivateShadowRequest,
    status: 202,
    response: AcceptedResponse,
    refusals: [404, 409],
  },
  monitorShadow: {
    name: 'shadow-monitor',
    method: 'GET',
    path: '/shadow/monitor',
    summary:
      'Standby shadows with what they have verified, profiling shadows with what they measure, handovers under way, and the last outcomes.',
    input: StreamQuery,
    status: 200,
    response: MonitorResponse,
    refusals: [404],
  },
  stopShadow: {
    name: 'shadow-stop',
    method: 'POST',
    path: '/shadow/stop',
    summary: 'Ends a profiling shadow before its time; what it has measured is analysed.',
    input: StopShadowRequest,
    status: 200,
    response: z.object({ profileId: z.string(), state: z.string() }),
    refusals: [404, 409],
  },
  profiles: {
    name: 'profiles',
    method: 'GET',
    path: '/profiles',
    summary: 'What the stream’s profiling shadows have taught, newest first, without the plots.',
    input: StreamQuery.extend({ limit: z.coerce.number().int().min(1).max(50).default(10) }),
    status: 200,
    response: z.object({ profiles: z.array(ProfileSummary) }),
    refusals: [404],
  },
  profileReport: {
    name: 'profile-report',
    method: 'GET',
    path: '/profiles/{profileId}',
    summary: 'What one profiling shadow has taught: capacity, limit, stages, keys, recommendations, plots.',
    input: StreamQuery.extend({ profileId: Identifier }),
    status: 200,
    response: ProfileReport,
    refusals: [404, 409],
  },
  tuning: {
    name: 'tuning',
    method: 'GET',
    path: '/tuning',
    summary: 'Which settings of the workers are tuned, what is being tried, how the last tries ended, and what is allowed.',
    input: StreamQuery,
    status: 200,
    response: TuningResponse,
    refusals: [404],
  },
  startTuning: {
    name: 'tuning-start',
    method: 'POST',
    path: '/tuning',
    summary:
      'Tries a setting of the workers: in a shadow first, then, when it is better there, on all workers under watch; worse, it is taken back.',
    input: TryRequest,
    status: 202,
    response: z.object({ trialId: z.string(), profileId: z.string().nullable(), summary: z.string() }),
    refusals: [404, 409],
  },
  stopTuning: {
    name: 'tuning-stop',
    method: 'POST',
    path: '/tuning/stop',
    summary: 'Ends the try that is under way: the former value holds again; with reset the workers’ own values do.',
    input: StopTuningRequest,
    status: 200,
    response: TuningView,
    refusals: [404, 409],
  },
  fleet: {
    name: 'fleet',
    method: 'GET',
    path: '/fleet',
    summary: 'Shards and workers with their utilisation now and foreseen.',
    input: StreamQuery,
    status: 200,
    response: FleetResponse,
    refusals: [404],
  },
  predictions: {
    name: 'predictions',
    method: 'GET',
    path: '/predictions',
    summary: 'The newest forecast of the stream and of each open shard, beside what came in the last three hours.',
    input: StreamQuery,
    status: 200,
    response: PredictionsResponse,
    refusals: [404],
  },
  plans: {
    name: 'plans',
    method: 'GET',
    path: '/plans',
    summary: 'The newest plans, newest first, with the reason of each action and of each hold.',
    input: StreamQuery.extend({ limit: z.coerce.number().int().min(1).max(100).default(20) }),
    status: 200,
    response: z.object({ plans: z.array(Plan) }),
    refusals: [404],
  },
  approvePlan: {
    name: 'plan-approve',
    method: 'POST',
    path: '/plans/{planId}/approve',
    summary: 'Approves a proposed plan (mode recommend): its actions are carried out.',
    input: StreamQuery.extend({ planId: Identifier }).strict(),
    status: 202,
    response: z.object({ planId: z.string(), operationIds: z.array(z.string()) }),
    refusals: [404, 409],
  },
  policy: {
    name: 'policy',
    method: 'GET',
    path: '/policies',
    summary: 'The policy of a stream; the defaults, which only observe, where none was set.',
    input: StreamQuery,
    status: 200,
    response: Policy,
    refusals: [404],
  },
  changePolicy: {
    name: 'policy-change',
    method: 'PUT',
    path: '/policies',
    summary: 'Sets the policy of a stream as a whole; what is left out takes its default.',
    input: PolicyToSet,
    status: 200,
    response: Policy,
    refusals: [404, 409],
  },
  events: {
    name: 'events',
    method: 'GET',
    path: '/events',
    summary: 'Known events of a stream: what is to come, holidays, and times that nothing is learnt from.',
    input: StreamQuery,
    status: 200,
    response: z.object({ events: z.array(KnownEvent) }),
    refusals: [404],
  },
  putEvent: {
    name: 'event-put',
    method: 'PUT',
    path: '/events/{eventId}',
    summary:
      'States an event: once, by cron or on days of a calendar; a factor, an addition, the course of other days, or that nothing is to be learnt from it.',
    input: ReadableEvent,
    status: 200,
    response: KnownEvent,
    refusals: [404, 409],
  },
  removeEvent: {
    name: 'event-remove',
    method: 'DELETE',
    path: '/events/{eventId}',
    summary: 'Takes an event back.',
    input: StreamQuery.extend({ eventId: EventId }),
    status: 200,
    response: z.object({ eventId: z.string() }),
    refusals: [404],
  },
  operation: {
    name: 'operations',
    method: 'GET',
    path: '/operations/{operationId}',
    summary: 'How an accepted operation stands.',
    input: StreamQuery.extend({ operationId: Identifier }),
    status: 200,
    response: Operation,
    refusals: [404],
  },
} as const satisfies Record<string, Route>;
