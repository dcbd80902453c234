package lab

// An Experiment is a suggestion to learners: settings, and what to look for.
type Experiment struct {
	Title    string
	Look     string
	Settings Settings
	// shows are kinds of steps of the first exchange that the experiment is about.
	shows []Kind
}

// Query returns the settings as the query of a URL.
func (e Experiment) Query() string { return e.Settings.Query() }

// experiments are in the order of the lesson.
var experiments = []Experiment{
	{
		Title: "One round trip",
		Look: "Nothing is lost. Step through it: which lines of the programs does the exchange " +
			"need? Send it again and compare the ports.",
		Settings: Settings{Text: "Hello", Delay: 40, Overtake: true, Seed: 1, Server: true},
		shows:    []Kind{Sent, Served, Accepted},
	},
	{
		Title: "30 % loss",
		Look: "The link loses a request, and then a response. How does the client tell the two " +
			"apart? What do five attempts achieve at this loss?",
		Settings: Settings{
			Text: "Hello", Loss: 30, Delay: 40, Overtake: true, Seed: defaultSeed, Server: true,
		},
		shows: []Kind{RequestLost, ResponseLost, TimedOut, Accepted},
	},
	{
		Title: "Slower than the wait",
		Look: "The round trip takes 160 ms, and the first wait 100 ms. Nothing is lost, but " +
			"how many datagrams does the tutorial’s client send? What does the adaptive one do " +
			"differently?",
		Settings: Settings{Text: "Hello", Delay: 80, Overtake: true, Seed: 1, Server: true},
		shows:    []Kind{TimedOut, Accepted, Duplicate},
	},
	{
		Title: "Overtaking",
		Look: "The delay varies so much that a later datagram arrives first. What does this do " +
			"to one message? Which response is the late one?",
		Settings: Settings{Text: "Hello", Delay: 150, Jitter: 140, Overtake: true, Seed: 8, Server: true},
		shows:    []Kind{Accepted, Late},
	},
	{
		Title: "Duplicates",
		Look: "The link duplicates datagrams. How often does the server respond to one " +
			"attempt? What if the message were a deposit?",
		Settings: Settings{
			Text: "Hello", Duplicate: 60, Delay: 40, Jitter: 15, Overtake: true, Seed: 1, Server: true,
		},
		shows: []Kind{Served, Accepted, Duplicate},
	},
	{
		Title: "Too slow",
		Look: "Every response arrives, but after the client has given up. Is the server down? " +
			"Where do the late responses go?",
		Settings: Settings{Text: "Hello", Delay: 800, Overtake: true, Seed: 1, Server: true},
		shows:    []Kind{Late},
	},
	{
		Title: "Everything lost",
		Look: "What does SERVER IS DOWN ! prove, and what does it not prove? Compare with the " +
			"next experiment from the client’s side.",
		Settings: Settings{Text: "Hello", Loss: 100, Delay: 40, Overtake: true, Seed: 1, Server: true},
		shows:    []Kind{RequestLost, Down},
	},
	{
		Title: "No server",
		Look: "No socket has the server’s port. Who learns this, and why does the client not? " +
			"Is anything different for the client from a network that loses everything?",
		Settings: Settings{Text: "Hello", Delay: 40, Overtake: true, Seed: 1},
		shows:    []Kind{Refused, Down},
	},
}
