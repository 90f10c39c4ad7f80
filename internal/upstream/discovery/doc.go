// Package discovery reads programs and organizations from Course Discovery.
//
// Of Discovery's large documents it decodes the few leaves that the gateway
// needs, and it trusts no more of them than can be trusted: course runs come from
// a program's own document, asked for one uuid at a time, and never from a list.
// How a call is made, repeated and given up is package upstream's business.
package discovery
