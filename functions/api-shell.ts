// functions: the shell around the handlers of the API.
// in: an API Gateway proxy event (REST) · out: JSON with its status; never a stack trace
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import type { z } from 'zod';
import { PoisonError, TransientError } from '../lib/errors.ts';
import type { ErrorResponse } from '../lib/model/api.ts';
import type { Route } from './routes.ts';
import { fromEnvironment, loggerOf, once, onion, type Scene, translated } from './shell.ts';

/** An expected answer: what was asked for, or why not. */
export type Reply<B> =
  | { readonly kind: 'ok'; readonly status: 200 | 202; readonly body: B }
  | { readonly kind: 'refused'; readonly status: 404 | 409; readonly error: string; readonly message: string };

export const ok = <B>(body: B): Reply<B> => ({ kind: 'ok', status: 200, body });
export const accepted = <B>(body: B): Reply<B> => ({ kind: 'ok', status: 202, body });
export const notFound = (error: string, message: string): Reply<never> => ({ kind: 'refused', status: 404, error, message });
export const conflict = (error: string, message: string): Reply<never> => ({ kind: 'refused', status: 409, error, message });

/** An API handler without its shell. */
export interface Endpoint<R extends Route> {
  readonly route: R;
  run(input: z.output<R['input']>, scene: Scene): Promise<Reply<z.input<R['response']>>>;
}

type Field = NonNullable<ErrorResponse['fields']>[number];

const answer = (statusCode: number, body: unknown): APIGatewayProxyResult => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  body: JSON.stringify(body),
});
const problem = (statusCode: number, error: string, message: string, fields?: Field[]): APIGatewayProxyResult =>
  answer(statusCode, { error, message, ...(fields && { fields }) } satisfies ErrorResponse);

const valueAt = (input: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], input) ?? null;

/** Each wrong field with what was received. A key that nobody knows is named itself. */
const fieldsOf = (issues: readonly z.core.$ZodIssue[], input: unknown): Field[] =>
  issues.flatMap((issue): Field[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          field: [...issue.path, key].join('.'),
          message: 'unknown field',
          received: valueAt(input, [...issue.path, key]),
        }))
      : [{ field: issue.path.join('.') || 'body', message: issue.message, received: valueAt(input, issue.path) }],
  );

/** Path and query parameters, and the body's fields where the route has one. */
const inputOf = (
  event: APIGatewayProxyEvent,
  route: Route,
): { kind: 'read'; input: unknown } | { kind: 'unreadable'; field: Field } => {
  const path = event.pathParameters ?? {};
  if (route.method === 'GET' || route.method === 'DELETE')
    return { kind: 'read', input: { ...event.queryStringParameters, ...path } };
  const text = event.isBase64Encoded ? Buffer.from(event.body ?? '', 'base64').toString('utf8') : (event.body ?? '');
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { kind: 'read', input: { ...body, ...path } };
    return { kind: 'unreadable', field: { field: 'body', message: 'must be a JSON object', received: body } };
  } catch {
    return { kind: 'unreadable', field: { field: 'body', message: 'must be JSON', received: text.slice(0, 200) } };
  }
};

/** The handler of an API function. */
export const api = <R extends Route>(of: Endpoint<R>, makeWorld = fromEnvironment) => {
  const { route } = of;
  const world = once(route.name, makeWorld);
  return onion(route.name, async (event: APIGatewayProxyEvent, context, signal): Promise<APIGatewayProxyResult> => {
    const log = loggerOf(route.name, context);
    try {
      const { ports, streams } = world();
      const read = inputOf(event, route);
      if (read.kind === 'unreadable') return problem(400, 'InvalidRequest', `body ${read.field.message}`, [read.field]);
      const parsed = route.input.safeParse(read.input);
      if (!parsed.success) {
        const fields = fieldsOf(parsed.error.issues, read.input);
        return problem(400, 'InvalidRequest', fields.map(({ field, message }) => `${field}: ${message}`).join('; '), fields);
      }
      const input = parsed.data as z.output<R['input']>;
      const { application, streamName } = parsed.data as { application: string; streamName: string };
      if (!streams.some((known) => known.application === application && known.streamName === streamName)) {
        const managed = streams.map((known) => `${known.application}/${known.streamName}`).join(', ');
        return problem(
          404,
          'UnknownStream',
          `stream ${streamName} of application ${application} is not managed here; managed are ${managed}`,
        );
      }
      const reply = await of.run(input, { ports, streams, nowMs: ports.clock.nowMs(), signal, log });
      log.info('answered', { status: reply.status, ...(reply.kind === 'refused' && { error: reply.error }) });
      return reply.kind === 'ok' ? answer(reply.status, reply.body) : problem(reply.status, reply.error, reply.message);
    } catch (error) {
      const cause = translated(error);
      log.error(cause.message, cause);
      const id = context?.awsRequestId ?? 'unknown';
      if (cause instanceof TransientError) return problem(503, 'Unavailable', `a service is busy, try again; request ${id}`);
      if (cause instanceof PoisonError)
        return problem(409, 'Refused', `the stream or its items are not there any more; request ${id}`);
      return problem(500, 'InternalError', `this is our own fault; request ${id}`);
    }
  });
};
