// functions: GET /operations/{operationId}.
// in: an operation's id · out: how it stands
import { z } from 'zod';
import { Operation } from '../lib/model/operation.ts';
import { api, type Endpoint, notFound, ok } from './api-shell.ts';
import { routes } from './routes.ts';

export const operation: Endpoint<typeof routes.operation> = {
  route: routes.operation,
  run: async ({ application, streamName, operationId }, { ports, signal }) => {
    const found = await ports.operations.get({ application, streamName }, operationId, signal);
    return found === null
      ? notFound('UnknownOperation', `operation ${operationId} is not known to stream ${streamName}`)
      : ok(z.encode(Operation, found));
  },
};

export const handler = api(operation);
