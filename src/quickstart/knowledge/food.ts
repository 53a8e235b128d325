import { relationTable, yesNo, type Relation } from '../relation.ts';

/** `brief` answers curtly; `steps` are the same with every step, as sentences without the last full stop. */
const RECIPES = relationTable(
  'dish brief steps',
  `tea|Pour hot water on a tea bag|first boil some water. Then pour it over a tea bag and wait for three minutes
coffee|Pour hot water on ground coffee|first boil some water. Then pour it slowly over ground coffee
rice|Boil it in water|wash the rice. Then boil it in two cups of water until it is soft
pasta|Boil it in salt water|boil a big pot of water with salt. Then cook the pasta for ten minutes
an egg|Boil it in water|put the egg in boiling water and wait for eight minutes. Then cool it in cold water
a fried egg|Fry it in butter|melt some butter in a pan. Then break the egg into the pan and fry it until the white is firm
soup|Boil vegetables in water|cut some vegetables. Then boil them in water with salt for twenty minutes
bread|Bake a dough of flour and water|mix flour, water, salt, and yeast. Let the dough rest, then bake it in a hot oven
toast|Put bread in the toaster|put a slice of bread in the toaster. Wait until it is brown, then put butter on it
a sandwich|Put cheese between two slices of bread|take two slices of bread. Put butter, cheese, and tomato between them
a salad|Mix green leaves with oil|wash some green leaves and cut a tomato. Then mix them with oil and salt
pancakes|Fry a batter of flour, milk, and eggs|mix flour, milk, and eggs. Then fry the batter in a pan on both sides
a cake|Bake flour, sugar, butter, and eggs|mix flour, sugar, butter, and eggs. Then bake it in the oven for forty minutes
pizza|Bake dough with tomato and cheese|roll out the dough. Put tomato sauce and cheese on it, then bake it in a hot oven
potatoes|Boil them in salt water|wash the potatoes. Then boil them in salt water for twenty minutes
lemonade|Mix lemon juice, water, and sugar|press two lemons. Then mix the juice with cold water and sugar
popcorn|Heat corn in a pot with oil|put oil and corn in a pot and close it. Heat it until the popping stops
fruit salad|Cut fruit and mix it|wash and cut some apples, bananas, and grapes. Then mix them in a bowl
hot chocolate|Mix cocoa with hot milk|heat some milk. Then stir cocoa and sugar into it
porridge|Cook oats in milk|put oats in a pot with milk. Then cook them slowly and stir until they are soft`,
);

const TASTES = relationTable(
  'food taste',
  `a lemon|sour
sugar|sweet
honey|sweet
salt|salty
a chili|hot
chocolate|sweet
vinegar|sour
candy|sweet
cake|sweet
coffee|bitter
sea water|salty
a ripe pear|sweet
jam|sweet
yogurt|sour`,
);

const ORIGINS = relationTable(
  'food origin',
  `milk|cows
honey|bees
eggs|chickens
wool|sheep
bread|flour
cheese|milk
butter|milk
wine|grapes
apples|apple trees
flour|wheat
ketchup|tomatoes
chocolate|cocoa beans
paper|wood
french fries|potatoes
raisins|grapes
jam|fruit and sugar`,
);

const KINDS = relationTable(
  'food group',
  `an apple|fruit
a banana|fruit
a pear|fruit
an orange|fruit
a cherry|fruit
a strawberry|fruit
a peach|fruit
a grape|fruit
a carrot|vegetable
an onion|vegetable
a potato|vegetable
a cabbage|vegetable
a cucumber|vegetable
spinach|vegetable
a pea|vegetable`,
);

const MEALS = relationTable(
  'meal foods',
  `breakfast|bread, eggs, or porridge
lunch|soup, a sandwich, or a salad
dinner|rice, pasta, or potatoes
a snack|an apple or some nuts
dessert|cake or ice cream
a picnic|sandwiches and fruit
a party|pizza and cake
a cold day|hot soup
a hot day|ice cream`,
);

export const foodRelations: readonly Relation[] = [
  {
    id: 'recipe',
    topic: 'food',
    rows: RECIPES,
    ask: [
      'How do I make {dish}?',
      'How can I make {dish}?',
      'How do you make {dish}?',
      'Tell me how to make {dish}.',
      'I want to make {dish}. What do I do?',
      'How is {dish} made?',
      'What is the way to make {dish}?',
    ],
    curt: ['{brief}.'],
    full: ['To make {dish}, {steps}.', 'This is how you make {dish}: {steps}.'],
    follow: ['And how do I make {dish}?', 'And {dish}?'],
  },
  {
    id: 'taste',
    topic: 'food',
    rows: TASTES,
    ask: [
      'How does {food} taste?',
      'What does {food} taste like?',
      'What is the taste of {food}?',
      'What taste does {food} have?',
    ],
    curt: ['{taste}.'],
    full: ['{food} tastes {taste}.', 'The taste of {food} is {taste}.'],
    follow: ['And {food}?'],
  },
  {
    id: 'origin',
    topic: 'food',
    rows: ORIGINS,
    ask: [
      'Where does {food} come from?',
      'Where do we get {food}?',
      'From what do we get {food}?',
      'What does {food} come from?',
    ],
    curt: ['From {origin}.'],
    full: ['We get {food} from {origin}.', 'People get {food} from {origin}.'],
    follow: ['And {food}?'],
  },
  {
    id: 'fruit-or-vegetable',
    topic: 'food',
    rows: KINDS,
    ask: [
      'Is {food} a fruit or a vegetable?',
      'Is {food} a vegetable or a fruit?',
      'Fruit or vegetable: what is {food}?',
      'Which one is {food}, a fruit or a vegetable?',
    ],
    curt: ['A {group}.'],
    full: ['{food} is a {group}.'],
    follow: ['And {food}?'],
  },
  ...yesNo({
    id: 'is-taste',
    topic: 'food',
    rows: TASTES,
    value: 'taste',
    ask: ['Does {food} taste {said}?', 'Is the taste of {food} {said}?', 'Is it true that {food} tastes {said}?'],
    truth: '{food} tastes {taste}',
  }),
  {
    id: 'meal',
    topic: 'food',
    rows: MEALS,
    ask: [
      'What can I eat for {meal}?',
      'What is good for {meal}?',
      'What should I make for {meal}?',
      'Give me an idea for {meal}.',
    ],
    curt: ['{foods}.'],
    full: ['For {meal}, you can have {foods}.', 'A good idea for {meal} is {foods}.'],
    follow: ['And for {meal}?'],
  },
];
