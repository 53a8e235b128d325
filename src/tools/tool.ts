import { isObject } from '../core/index.ts';

/** A tool as OpenAI's API takes it: a function with a JSON schema of its arguments. */
export interface ToolDefinition {
  readonly type?: string;
  readonly function: {
    readonly name: string;
    readonly description?: string | null;
    readonly parameters?: Readonly<Record<string, unknown>> | null;
    readonly strict?: boolean | null;
  };
}

/** A call that was read whole: `argumentsText` is the JSON text of an object. */
export interface CallText {
  readonly name: string;
  readonly argumentsText: string;
}

/** The schemas of a tool's arguments, by their names; none where the tool says nothing of them. */
export function propertiesOf(tool: ToolDefinition | undefined): ReadonlyMap<string, unknown> {
  const properties = tool?.function.parameters?.['properties'];
  return new Map(isObject(properties) ? Object.entries(properties) : []);
}

/** The names of the arguments that must be there. */
export function requiredOf(tool: ToolDefinition): ReadonlySet<string> {
  const required = tool.function.parameters?.['required'];
  return new Set(Array.isArray(required) ? required.filter((name) => typeof name === 'string') : []);
}
