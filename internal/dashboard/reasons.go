package dashboard

// A reason explains a counter of dropped or changed datagrams to the reader of the page.
type reason struct{ Name, Text string }

// kernelReason is the name under which the page shows Flow.KernelDropped.
const kernelReason = "kernel"

// serverReasons explain the drops of a server. See ohce.DropReason.
var serverReasons = []reason{
	{kernelReason, "the receive buffer was full"},
	{"oversize", "longer than the server accepts"},
	{"loop", "the source is probably another server"},
	{"rate", "the source sends more than the limits allow"},
	{"denied", "the rules do not allow the source"},
	{"silent", "the service does not answer such a request"},
	{"panic", "the handler panicked"},
	{"too-large", "the response is longer than a datagram can be"},
	{"busy", "the queue of the handler was full"},
	{"duplicate", "the same request was still being handled"},
	{"unsent", "the system refused to send the response"},
}

// linkReasons explain the fates of datagrams on a link. See link.Stats and relay.DirectionStats.
var linkReasons = []reason{
	{kernelReason, "the receive buffer was full"},
	{"lost", "lost at random"},
	{"black holed", "dropped by the black hole"},
	{"too long", "longer than the MTU"},
	{"overflow", "no room in the queue"},
	{"oversize", "longer than the buffer of the link"},
	{"buffer full", "the delayed datagrams take all memory"},
	{"unmapped", "the client has a newer port"},
	{"unsent", "the system refused to send it"},
	{"no mapping", "no port towards the server is free"},
	{"address limit", "too many ports of one address"},
	{"port limit", "too many new ports a second"},
	{"loop", "it has passed this link before"},
	{"duplicated", "sent twice"},
	{"reordered", "overtook an earlier one"},
	{"corrupted", "sent with wrong bits"},
	{"truncated", "sent in part"},
	{"rebound", "from another port, as after a NAT timeout"},
}
