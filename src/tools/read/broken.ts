import { heldBack } from '../hold.ts';
import { piece, type Reading, type Source } from './source.ts';

/**
 * The rest of a call whose arguments broke, as it stands, up to the first of the markers or the end: whoever gets it sees what the model wrote. A call that was begun is never taken
 * back, since its name and the beginning of its arguments have been given.
 */
export function* brokenRest(source: Source, markers: readonly string[]): Reading<void> {
  const stops = markers.map((marker) => marker.trim()).filter((marker) => marker !== '');
  for (;;) {
    const places = stops.map((stop) => source.text.indexOf(stop, source.at)).filter((place) => place !== -1);
    const rest = source.text.slice(source.at);
    const to =
      places.length > 0 ? Math.min(...places) : source.text.length - (source.isOver ? 0 : heldBack(rest, stops));
    if (to > source.at) yield piece(source.text.slice(source.at, to));
    source.at = to;
    if (places.length > 0 || source.isOver) break;
    yield undefined;
  }
  yield { kind: 'end', isWhole: false };
}
