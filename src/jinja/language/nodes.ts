import type { ArithmeticOperator } from '../python/arithmetic.ts';
import type { Value } from '../python/values.ts';

interface Placed {
  /** 1-based line of the template. */
  readonly line: number;
}

export interface Keyword {
  readonly key: string;
  readonly value: Expression;
}

/** What stands in the brackets of a call. */
export interface CallArguments {
  readonly positional: readonly Expression[];
  readonly keywords: readonly Keyword[];
  /** `*x` and `**x`. */
  readonly rest: Expression | undefined;
  readonly keywordRest: Expression | undefined;
}

export interface NameNode extends Placed {
  readonly kind: 'name';
  readonly name: string;
}

export interface CallNode extends Placed {
  readonly kind: 'call';
  readonly callee: Expression;
  readonly given: CallArguments;
}

/** A filter or a test; a filter without a value stands at a block. */
export interface FilterNode extends Placed {
  readonly kind: 'filter' | 'test';
  readonly name: string;
  readonly value: Expression | undefined;
  readonly given: CallArguments;
}

export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export interface SliceNode extends Placed {
  readonly kind: 'slice';
  readonly parts: readonly [Expression | undefined, Expression | undefined, Expression | undefined];
}

export type Expression =
  | (Placed & { readonly kind: 'constant'; readonly value: Value })
  | NameNode
  | (Placed & { readonly kind: 'tuple' | 'list' | 'concat'; readonly items: readonly Expression[] })
  | (Placed & { readonly kind: 'dict'; readonly entries: readonly (readonly [Expression, Expression])[] })
  | (Placed & {
      readonly kind: 'condition';
      readonly test: Expression;
      readonly yes: Expression;
      readonly no: Expression | undefined;
    })
  | (Placed & { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression })
  | (Placed & { readonly kind: 'not'; readonly value: Expression })
  | (Placed & { readonly kind: 'sign'; readonly operator: '+' | '-'; readonly value: Expression })
  | (Placed & {
      readonly kind: 'arithmetic';
      readonly operator: ArithmeticOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Placed & {
      readonly kind: 'compare';
      readonly first: Expression;
      readonly steps: readonly (readonly [CompareOperator, Expression])[];
    })
  | (Placed & { readonly kind: 'attribute'; readonly value: Expression; readonly name: string })
  | (Placed & { readonly kind: 'item'; readonly value: Expression; readonly key: Expression })
  | SliceNode
  | CallNode
  | FilterNode;

/** What `set`, `for` and `with` assign to. */
export type Target =
  | NameNode
  | (Placed & { readonly kind: 'field'; readonly name: string; readonly field: string })
  | (Placed & { readonly kind: 'targets'; readonly items: readonly Target[] });

export interface Parameter extends Placed {
  readonly name: string;
  readonly otherwise: Expression | undefined;
}

export interface ForNode extends Placed {
  readonly kind: 'for';
  readonly target: Target;
  readonly items: Expression;
  readonly test: Expression | undefined;
  readonly isRecursive: boolean;
  readonly body: readonly Statement[];
  readonly otherwise: readonly Statement[];
}

export interface IfNode extends Placed {
  readonly kind: 'if';
  readonly branches: readonly {
    readonly test: Expression;
    readonly body: readonly Statement[];
    readonly line: number;
  }[];
  readonly otherwise: readonly Statement[];
}

export interface MacroNode extends Placed {
  readonly kind: 'macro';
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
}

/** A call block; without a call it is the generation tag of Transformers, which prints its body. */
export interface CallBlockNode extends Placed {
  readonly kind: 'call-block';
  readonly call: CallNode | undefined;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
}

export interface WithNode extends Placed {
  readonly kind: 'with';
  readonly bindings: readonly (readonly [Target, Expression])[];
  readonly body: readonly Statement[];
}

export interface FilterBlockNode extends Placed {
  readonly kind: 'filter-block';
  readonly filter: FilterNode;
  readonly body: readonly Statement[];
}

export interface SetBlockNode extends Placed {
  readonly kind: 'set-block';
  readonly target: Target;
  readonly filter: FilterNode | undefined;
  readonly body: readonly Statement[];
}

export type Statement =
  | (Placed & { readonly kind: 'output'; readonly parts: readonly (string | Expression)[] })
  | (Placed & { readonly kind: 'set'; readonly target: Target; readonly value: Expression })
  | (Placed & { readonly kind: 'break' | 'continue' })
  | ForNode
  | IfNode
  | MacroNode
  | CallBlockNode
  | WithNode
  | FilterBlockNode
  | SetBlockNode;
