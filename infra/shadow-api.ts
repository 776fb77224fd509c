// infra: the REST API, drawn from functions/routes.ts.
// in: one function per route · out: an API whose every route needs IAM authorisation
import {
  AuthorizationType,
  EndpointType,
  type IResource,
  JsonSchemaType,
  LambdaIntegration,
  type Model,
  type RequestValidator,
  ResponseType,
  RestApi,
} from 'aws-cdk-lib/aws-apigateway';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { FunctionName } from '../functions/needs.ts';
import { type Route, routes } from '../functions/routes.ts';

export interface ApiThrottle {
  /** Requests a second. */
  readonly rate: number;
  readonly burst: number;
}

export interface ShadowApiProps {
  readonly functions: Readonly<Partial<Record<FunctionName, IFunction>>>;
  /** @default 50 requests a second, bursts of 100 */
  readonly throttle?: ApiThrottle;
}

export const STAGE = 'v1';
const NO_TEMPLATE = { 'application/json': '{"error":"$context.error.responseType","message":$context.error.messageString}' };

/** `/shadow/*`, fleet, predictions, plans, policies, operations. */
export class ShadowApi extends Construct {
  readonly api: RestApi;

  constructor(scope: Construct, id: string, props: ShadowApiProps) {
    super(scope, id);
    const throttle = props.throttle ?? { rate: 50, burst: 100 };
    this.api = new RestApi(this, 'Api', {
      restApiName: 'penumbra',
      description: 'Penumbra: shadows, forecasts, plans and policies of Kinesis streams',
      endpointTypes: [EndpointType.REGIONAL],
      cloudWatchRole: false,
      defaultMethodOptions: { authorizationType: AuthorizationType.IAM },
      deployOptions: {
        stageName: STAGE,
        throttlingRateLimit: throttle.rate,
        throttlingBurstLimit: throttle.burst,
        metricsEnabled: true,
      },
    });
    for (const [name, type] of Object.entries({
      Unauthorized: ResponseType.UNAUTHORIZED,
      AccessDenied: ResponseType.ACCESS_DENIED,
      BadBody: ResponseType.BAD_REQUEST_BODY,
      Throttled: ResponseType.THROTTLED,
    }))
      this.api.addGatewayResponse(name, { type, templates: NO_TEMPLATE });
    // The gateway turns away what is no JSON object at all; which field is wrong, what was received and what is allowed is for the function to say.
    const validator = this.api.addRequestValidator('Validator', { validateRequestBody: true });
    const anyObject = this.api.addModel('AnyObject', {
      contentType: 'application/json',
      schema: { type: JsonSchemaType.OBJECT },
    });
    for (const route of Object.values<Route>(routes)) this.#add(route, props.functions[route.name], validator, anyObject);
  }

  #add(route: Route, made: IFunction | undefined, requestValidator: RequestValidator, anyObject: Model): void {
    if (made === undefined) throw new Error(`route ${route.method} ${route.path} needs the function ${route.name}, got none`);
    const resource: IResource = this.api.root.resourceForPath(route.path);
    const integration = new LambdaIntegration(made, { allowTestInvoke: false });
    if (route.method === 'GET' || route.method === 'DELETE') resource.addMethod(route.method, integration);
    else resource.addMethod(route.method, integration, { requestValidator, requestModels: { 'application/json': anyObject } });
  }
}
