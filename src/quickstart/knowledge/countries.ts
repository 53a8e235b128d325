import { relationTable, uniqueBy, yesNo, type Relation } from '../relation.ts';

const COUNTRIES = relationTable(
  'country capital continent language known',
  `France|Paris|Europe|French|cheese and bread
Germany|Berlin|Europe|German|cars and castles
Italy|Rome|Europe|Italian|pizza and pasta
Spain|Madrid|Europe|Spanish|sun and dancing
Portugal|Lisbon|Europe|Portuguese|the sea and fish
England|London|Europe|English|tea and rain
Ireland|Dublin|Europe|English|green hills
Scotland|Edinburgh|Europe|English|lakes and castles
Norway|Oslo|Europe|Norwegian|mountains and snow
Sweden|Stockholm|Europe|Swedish|forests and lakes
Finland|Helsinki|Europe|Finnish|lakes and saunas
Denmark|Copenhagen|Europe|Danish|bicycles and toys
Poland|Warsaw|Europe|Polish|soup and forests
Austria|Vienna|Europe|German|music and mountains
Switzerland|Bern|Europe|German|chocolate and watches
Belgium|Brussels|Europe|French|chocolate and waffles
Greece|Athens|Europe|Greek|islands and olives
Hungary|Budapest|Europe|Hungarian|hot baths
Russia|Moscow|Europe|Russian|cold winters
Ukraine|Kyiv|Europe|Ukrainian|wheat fields
Turkey|Ankara|Asia|Turkish|sweet tea
Egypt|Cairo|Africa|Arabic|pyramids
Kenya|Nairobi|Africa|Swahili|lions and elephants
Nigeria|Abuja|Africa|English|music and films
Morocco|Rabat|Africa|Arabic|markets and deserts
Ethiopia|Addis Ababa|Africa|Amharic|coffee
Ghana|Accra|Africa|English|gold and cocoa
China|Beijing|Asia|Chinese|a very long wall
Japan|Tokyo|Asia|Japanese|sushi and fast trains
India|Delhi|Asia|Hindi|spices and tigers
Thailand|Bangkok|Asia|Thai|beaches and temples
Vietnam|Hanoi|Asia|Vietnamese|rice fields and noodles
Indonesia|Jakarta|Asia|Indonesian|many islands
Canada|Ottawa|North America|English|maple trees and ice hockey
Mexico|Mexico City|North America|Spanish|tacos and the sun
Cuba|Havana|North America|Spanish|old cars and music
Brazil|Brasilia|South America|Portuguese|football and rain forests
Argentina|Buenos Aires|South America|Spanish|dancing and beef
Peru|Lima|South America|Spanish|high mountains and llamas
Chile|Santiago|South America|Spanish|a very long coast
Australia|Canberra|Australia|English|kangaroos and beaches`,
);

export const countryRelations: readonly Relation[] = [
  {
    id: 'capital',
    topic: 'countries',
    rows: COUNTRIES,
    ask: [
      'What is the capital of {country}?',
      'Which city is the capital of {country}?',
      'Tell me the capital of {country}.',
      'What is the capital city of {country}?',
      'Do you know the capital of {country}?',
      'Name the capital of {country}.',
      "What is {country}'s capital?",
      'What city is the capital of {country}?',
    ],
    curt: ['{capital}.'],
    full: [
      'The capital of {country} is {capital}.',
      'The capital city of {country} is {capital}.',
      '{capital} is the capital of {country}.',
    ],
    follow: ['And the capital of {country}?', 'And of {country}?', 'What about {country}?'],
  },
  {
    id: 'capital-of',
    topic: 'countries',
    rows: COUNTRIES,
    ask: [
      '{capital} is the capital of which country?',
      'Which country has {capital} as its capital?',
      'What country is {capital} the capital of?',
      'Where is {capital}?',
      'In which country is {capital}?',
    ],
    curt: ['{country}.'],
    full: ['{capital} is the capital of {country}.', '{capital} is in {country}. It is the capital.'],
    follow: ['And where is {capital}?', 'And {capital}?'],
  },
  {
    id: 'continent',
    topic: 'countries',
    rows: COUNTRIES.filter((row) => row.country !== 'Australia'),
    ask: [
      'Where is {country}?',
      'On which continent is {country}?',
      'What continent is {country} in?',
      'Which continent is {country} on?',
      'In which part of the world is {country}?',
    ],
    curt: ['In {continent}.', '{continent}.'],
    full: ['{country} is in {continent}.', '{country} is a country in {continent}.'],
    follow: ['And where is {country}?', 'And {country}?'],
  },
  {
    id: 'language',
    topic: 'countries',
    rows: COUNTRIES,
    ask: [
      'What language do people speak in {country}?',
      'Which language is spoken in {country}?',
      'What do people speak in {country}?',
      'What is the language of {country}?',
      'Which language do people in {country} speak?',
    ],
    curt: ['{language}.'],
    full: ['People in {country} speak {language}.', 'In {country}, people speak {language}.'],
    follow: ['And in {country}?', 'What about {country}?'],
  },
  {
    id: 'known-for',
    topic: 'countries',
    rows: COUNTRIES,
    ask: [
      'What is {country} known for?',
      'What is {country} famous for?',
      'Tell me something about {country}.',
      'What do you know about {country}?',
      'Why is {country} famous?',
    ],
    curt: ['{known}.'],
    full: ['{country} is known for {known}.', '{country} is famous for {known}. Its capital is {capital}.'],
    follow: ['And {country}?', 'And what is {country} known for?'],
  },
  {
    id: 'known-country',
    topic: 'countries',
    rows: uniqueBy(COUNTRIES, 'known'),
    ask: [
      'Which country is known for {known}?',
      'Which country is famous for {known}?',
      'What country is known for {known}?',
    ],
    curt: ['{country}.'],
    full: ['{country} is known for {known}.', 'The country that is known for {known} is {country}.'],
  },
  ...yesNo({
    id: 'is-capital',
    topic: 'countries',
    rows: COUNTRIES,
    value: 'capital',
    ask: [
      'Is {said} the capital of {country}?',
      'Is the capital of {country} {said}?',
      'Is it true that {said} is the capital of {country}?',
      'Am I right that {said} is the capital of {country}?',
    ],
    truth: 'the capital of {country} is {capital}',
  }),
  ...yesNo({
    id: 'is-on-continent',
    topic: 'countries',
    rows: COUNTRIES.filter((row) => row.country !== 'Australia'),
    value: 'continent',
    ask: ['Is {country} in {said}?', 'Is {country} a country in {said}?', 'Is it true that {country} is in {said}?'],
    truth: '{country} is in {continent}',
  }),
];
