// infra: the OpenAPI document of the API, from functions/routes.ts.
// in: the table of routes · out: docs/openapi.json, when run: node infra/openapi.ts
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Route, routes } from '../functions/routes.ts';
import { ErrorResponse } from '../lib/model/api.ts';

const REASONS: Readonly<Record<number, string>> = {
  400: 'A field is missing or wrong: each is named, with what was received and what is allowed.',
  403: 'The request is not signed (AWS Signature Version 4, service execute-api), or the caller is not allowed.',
  404: 'The stream, shard, worker, plan or operation is not known.',
  409: 'It cannot be done as things stand; the message says why.',
  429: 'Too many requests.',
  503: 'A service is busy: try again.',
};

type JsonSchema = Record<string, unknown> & { properties?: Record<string, object>; required?: string[] };
/** As it goes over the wire: hash keys are strings. */
const schemaOf = (schema: z.ZodType): JsonSchema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest as JsonSchema;
};
const json = (schema: object) => ({ 'application/json': { schema } });
const problem = (status: number) => ({ description: REASONS[status], content: json({ $ref: '#/components/schemas/Error' }) });

const operationOf = (key: string, route: Route): object => {
  const input = schemaOf(route.input);
  const hasNoBody = route.method === 'GET' || route.method === 'DELETE';
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  const fields = Object.entries(input.properties ?? {});
  const required = (name: string) => input.required?.includes(name) ?? false;
  const parameter = (name: string, place: 'path' | 'query', schema: object) => ({
    name,
    in: place,
    required: place === 'path' || required(name),
    schema,
  });
  const body = {
    ...input,
    properties: Object.fromEntries(fields.filter(([name]) => !inPath.includes(name))),
    required: (input.required ?? []).filter((name) => !inPath.includes(name)),
  };
  return {
    operationId: key,
    summary: route.summary,
    parameters: fields.flatMap(([name, schema]) =>
      inPath.includes(name) ? [parameter(name, 'path', schema)] : hasNoBody ? [parameter(name, 'query', schema)] : [],
    ),
    ...(!hasNoBody && { requestBody: { required: true, content: json(body) } }),
    responses: {
      [route.status]: {
        description: route.status === 202 ? 'Accepted; follow it by its operation id.' : 'As asked.',
        content: json(schemaOf(route.response)),
      },
      ...Object.fromEntries([400, 403, ...route.refusals, 429, 503].map((status) => [status, problem(status)])),
    },
  };
};

/** The document. */
export const openApi = (): object => {
  const paths: Record<string, Record<string, object>> = {};
  for (const [key, route] of Object.entries<Route>(routes)) {
    paths[route.path] ??= {};
    paths[route.path]![route.method.toLowerCase()] = operationOf(key, route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Penumbra',
      version: '1',
      description: 'Shadows, forecasts, plans and policies of provisioned Kinesis streams. Every route needs IAM authorisation.',
    },
    security: [{ sigv4: [] }],
    paths,
    components: {
      schemas: { Error: schemaOf(ErrorResponse) },
      securitySchemes: {
        sigv4: { type: 'apiKey', name: 'Authorization', in: 'header', 'x-amazon-apigateway-authtype': 'awsSigv4' },
      },
    },
  };
};

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(fileURLToPath(new URL('../docs/openapi.json', import.meta.url)), `${JSON.stringify(openApi(), null, 2)}\n`);
