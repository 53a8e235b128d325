import { relationTable, yesNo, type Relation } from '../relation.ts';

/** `does` completes `someone who`. */
const JOBS = relationTable(
  'job does works',
  `baker|bakes bread|in a bakery
teacher|teaches children|in a school
doctor|helps sick people|in a hospital
nurse|cares for sick people|in a hospital
farmer|grows food|on a farm
cook|cooks meals|in a kitchen
pilot|flies planes|in a plane
sailor|works on ships|on a ship
driver|drives a bus|in a bus
painter|paints pictures|in a studio
singer|sings songs|on a stage
dancer|dances for people|on a stage
writer|writes books|at a desk
gardener|plants flowers|in a garden
builder|builds houses|outside
carpenter|makes things of wood|in a workshop
tailor|makes clothes|in a shop
butcher|sells meat|in a shop
fisherman|catches fish|on a boat
dentist|cares for teeth|in a clinic
vet|helps sick animals|in a clinic
police officer|keeps people safe|in the city
firefighter|puts out fires|in the city
mailman|brings letters|in the streets
astronaut|flies into space|in a rocket
scientist|studies the world|in a laboratory
judge|decides what is fair|in a court
clown|makes people laugh|in a circus
king|rules a country|in a castle
librarian|lends books|in a library`,
);

const FAMILY = relationTable(
  'phrase relative',
  `the mother of my mother|your grandmother
the father of my father|your grandfather
the mother of my father|your grandmother
the father of my mother|your grandfather
the sister of my mother|your aunt
the sister of my father|your aunt
the brother of my mother|your uncle
the brother of my father|your uncle
the son of my uncle|your cousin
the daughter of my aunt|your cousin
the daughter of my mother|your sister
the son of my father|your brother
the son of my sister|your nephew
the daughter of my brother|your niece`,
);

const PLACES = relationTable(
  'place goal',
  `library|read books
bakery|buy bread
school|learn
hospital|see a doctor
bank|get money
farm|see cows
zoo|see wild animals
museum|see old things
cinema|watch a film
restaurant|eat a meal
beach|swim in the sea
park|play outside
station|take a train
airport|take a plane
post office|send a letter
pharmacy|buy medicine
kitchen|cook
bedroom|sleep
bathroom|take a shower
garden|grow flowers
market|buy vegetables
theater|watch a play
stadium|watch a football game
harbor|see ships`,
);

const BODY = relationTable(
  'part use count',
  `eyes|see|2
ears|hear|2
nose|smell things|1
mouth|eat and speak|1
hands|hold things|2
feet|stand and walk|2
legs|walk and run|2
teeth|bite food|32
tongue|taste food|1
fingers|touch things|10
brain|think|1
heart|move the blood|1
lungs|breathe|2
toes|keep your balance|10
knees|bend your legs|2
arms|lift things|2`,
);

const CLOTHES = relationTable(
  'clothes worn',
  `a hat|on the head
shoes|on the feet
socks|on the feet
gloves|on the hands
a scarf|around the neck
glasses|on the nose
a ring|on a finger
a belt|around the waist
a watch|on the arm
earrings|on the ears`,
);

export const peopleRelations: readonly Relation[] = [
  {
    id: 'job-does',
    topic: 'people',
    rows: JOBS,
    ask: [
      'What does {job|a} do?',
      'What is the job of {job|a}?',
      'What is the work of {job|a}?',
      'Tell me what {job|a} does.',
      'What kind of work does {job|a} do?',
    ],
    curt: ['{does}.'],
    full: ['{job|a} is someone who {does}.', '{job|a} {does}.'],
    follow: ['And {job|a}?', 'And what does {job|a} do?'],
  },
  {
    id: 'who-does',
    topic: 'people',
    rows: JOBS,
    ask: [
      'Who {does}?',
      'What do you call someone who {does}?',
      'Which person {does}?',
      'What is the name for a person who {does}?',
    ],
    curt: ['{job|a}.'],
    full: ['Someone who {does} is called {job|a}.', '{job|a} {does}.'],
    follow: ['And who {does}?'],
  },
  {
    id: 'job-place',
    topic: 'people',
    rows: JOBS,
    ask: [
      'Where does {job|a} work?',
      'In what place does {job|a} work?',
      'Where can I find {job|a}?',
      'Where do {job|s} work?',
    ],
    curt: ['{works}.'],
    full: ['{job|a} works {works}.', 'You can find {job|a} {works}.'],
    follow: ['And {job|a}?'],
  },
  ...yesNo({
    id: 'is-job-place',
    topic: 'people',
    rows: JOBS,
    value: 'works',
    ask: ['Does {job|a} work {said}?', 'Is it true that {job|a} works {said}?'],
    truth: '{job|a} works {works}',
  }),
  {
    id: 'family',
    topic: 'people',
    rows: FAMILY,
    ask: ['Who is {phrase}?', 'What do I call {phrase}?', 'What is {phrase} to me?', 'How do I call {phrase}?'],
    curt: ['{relative}.'],
    full: ['{phrase} is {relative}.', 'You call that person {relative}.'],
  },
  {
    id: 'place-for',
    topic: 'places',
    rows: PLACES,
    ask: [
      'Where can I {goal}?',
      'Where do I go to {goal}?',
      'Where do people {goal}?',
      'I want to {goal}. Where should I go?',
      'What is a good place to {goal}?',
    ],
    curt: ['In {place|a}.', '{place|a}.'],
    full: [
      'You can {goal} at the {place}.',
      'The {place} is a good place to {goal}.',
      'People go to the {place} to {goal}.',
    ],
    follow: ['And where can I {goal}?'],
  },
  {
    id: 'place-use',
    topic: 'places',
    rows: PLACES,
    ask: [
      'What can I do at the {place}?',
      'Why do people go to the {place}?',
      'What do people do at the {place}?',
      'What is a {place} for?',
    ],
    curt: ['{goal}.', 'To {goal}.'],
    full: ['At the {place}, you can {goal}.', 'People go to the {place} to {goal}.'],
    follow: ['And at the {place}?'],
  },
  {
    id: 'body-use',
    topic: 'body',
    rows: BODY,
    ask: [
      'What do we do with our {part}?',
      'What do you use your {part} for?',
      'What can I do with my {part}?',
      'Why do people need their {part}?',
    ],
    curt: ['{use}.'],
    full: ['We use our {part} to {use}.', 'People need their {part} to {use}.'],
    follow: ['And with our {part}?'],
  },
  {
    id: 'body-part',
    topic: 'body',
    rows: BODY,
    ask: [
      'What do we use to {use}?',
      'Which part of the body do we use to {use}?',
      'With what do people {use}?',
      'What part of the body helps us to {use}?',
    ],
    curt: ['Our {part}.', 'The {part}.'],
    full: ['We use our {part} to {use}.', 'People {use} with their {part}.'],
  },
  {
    id: 'body-count',
    topic: 'body',
    rows: BODY.filter((row) => row.count !== '1'),
    ask: [
      'How many {part} does a person have?',
      'How many {part} do people have?',
      'How many {part} do I have?',
      'Tell me how many {part} a person has.',
    ],
    curt: ['{count}.'],
    full: ['A person has {count} {part}.', 'People have {count} {part}.'],
  },
  {
    id: 'clothes',
    topic: 'body',
    rows: CLOTHES,
    ask: [
      'Where do you wear {clothes}?',
      'Where do people wear {clothes}?',
      'Where do I put {clothes}?',
      'On which part of the body do I wear {clothes}?',
    ],
    curt: ['{worn}.'],
    full: ['You wear {clothes} {worn}.', 'People wear {clothes} {worn}.'],
  },
];
