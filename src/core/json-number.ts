/**
 * A number of JSON with the digits that it was written with: 9007199254740993 and 1.0 stay what they are, which no JavaScript
 * number can. `text` is a number in JSON's grammar. Readers that must keep digits give it; chat templates print it as Python's
 * json and print do: whole numbers exactly, numbers with a point or an exponent as a float.
 */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}
